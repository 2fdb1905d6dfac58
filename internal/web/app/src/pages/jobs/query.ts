// The address of the list, and what it asks the master for. Everything the list shows is in its address.
import type { Query } from "../../api/call";
import { type JobState, openStates } from "../../api/model";
import { asked } from "../../route";
import type { Order } from "../../parts/list";

export const atOnce = 100; // jobs of a page

const endedStates: JobState[] = ["done", "failed", "canceled"];

// rising is what is sorted upwards at first.
export const rising = ["name", "state", "owner"];

export interface Asked extends Order {
  q: string;
  state: string; // "open", "ended", or states with commas
  owner: string;
  scene: string;
  after: string; // where the page before ended
  at: number; // jobs before this page
}

export function read(): Asked {
  const sort = asked("sort") || "id";
  const order = asked("order");
  return {
    q: asked("q"), state: asked("state"), owner: asked("owner"), scene: asked("scene"), after: asked("after"), sort,
    order: order === "asc" || order === "desc" ? order : rising.includes(sort) ? "asc" : "desc",
    at: Math.max(0, Math.floor(Number(asked("at")) || 0)),
  };
}

export function states(of: string): string[] {
  if (of === "open") return openStates;
  if (of === "ended") return endedStates;
  return of.split(",").filter(Boolean);
}

// chosen is the part that says which jobs; without it all.
export const chosen = (a: Asked): Query => ({ q: a.q, state: states(a.state).join(","), owner: a.owner, scene: a.scene });

export const filtered = (a: Asked) => Boolean(a.q || a.state || a.owner || a.scene);

// key names the list without its pages.
export const key = (a: Asked) => JSON.stringify([a.q, a.state, a.owner, a.scene, a.sort, a.order]);
