import{b as a,c as b}from"./chunk-KZGNE5L3.js";import"./chunk-ZTGQYGNN.js";import"./chunk-3AND7SB6.js";import"./chunk-UWTSKQOG.js";export{a as dropped,b as droppedOf};
