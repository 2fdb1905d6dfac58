// Pictures of jobs with views: cameras, scenes and view layers. The number of a picture holds its view above its frame.

const apart = 2 ** 37; // between the frames of one view and those of the next
const half = 2 ** 21; // frames may be negative

export interface Viewed {
  views?: { name?: string }[];
}

// frameOf is the frame of a picture, as Blender counts.
export const frameOf = (n: number) => n - viewOf(n) * apart;

// viewOf is the place of a picture's view.
export const viewOf = (n: number) => Math.floor((n + half) / apart);

// called names a picture for people: "12", of a view "Left 12".
export function called(j: Viewed, n: number): string {
  const view = j.views?.[viewOf(n)];
  return view ? `${view.name ?? ""} ${frameOf(n)}` : String(n);
}

// numberOf reads what a person calls a picture: "12", "Left 12", "left:12". undefined: there is none of that name.
export function numberOf(j: Viewed, text: string): number | undefined {
  const m = /^\s*(.*?)\s*[: ]?\s*(-?\d+)\s*$/.exec(text);
  if (!m) return undefined;
  const name = m[1]!.toLowerCase();
  const view = name === "" ? 0 : (j.views ?? []).findIndex((v) => (v.name ?? "").toLowerCase() === name);
  return view < 0 ? undefined : view * apart + Number(m[2]);
}

// frame is a picture of a job that is not at hand: "frame 12", "frame 12 of view 2".
export const frame = (n: number) => `frame ${frameOf(n)}${viewOf(n) > 0 ? ` of view ${viewOf(n) + 1}` : ""}`;
