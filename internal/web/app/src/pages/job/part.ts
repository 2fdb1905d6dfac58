import type { ComponentType } from "preact";
import type { Job } from "../../api/model";
import type { FramesData } from "./data";

// A Part is what a tab of a job shows.
export interface PartOf {
  job: Job;
  frames: FramesData;
  frame: string; // of the address; "": none
  may: boolean; // who looks may change the job
}

export type Part = ComponentType<PartOf>;
