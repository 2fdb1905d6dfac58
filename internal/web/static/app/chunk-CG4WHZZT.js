var t=["active","queued","collecting","paused"],l=e=>e==="done"||e==="failed"||e==="canceled";export{t as a,l as b};
