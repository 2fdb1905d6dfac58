// Who looks, and at which master: written into the page by the server.

export interface Me {
  name: string;
  role: "admin" | "submit" | "worker" | "view";
  token: string; // id of the one that this browser came by; "": none
  farm: string; // name of the master's machine
  program: string; // version
  open: boolean; // nobody logs in
  mark: string; // of the files beside the page
  addresses: string[]; // of the master, for other machines; the one that this browser came by is first
}

export const me = JSON.parse(document.getElementById("me")!.textContent!) as Me;

export const admin = me.role === "admin";
export const submits = admin || me.role === "submit";

// steers tells whether who looks may change a job: admins, and the token that sent it.
export const steers = (job: { owner_id: string }) => admin || submits && !!me.token && me.token === job.owner_id;
