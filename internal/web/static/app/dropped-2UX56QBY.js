import{b as a,c as b}from"./chunk-4ZT5ED54.js";import"./chunk-RIACTEOR.js";import"./chunk-3AND7SB6.js";import"./chunk-KXGJZSPV.js";export{a as dropped,b as droppedOf};
