// Calls of the master's API, with the cookie of the login that the page came by.

export const root = "/api/v1";

// Problem is an error as the API tells it: a sentence, and what to do next.
export class Problem extends Error {
  constructor(
    readonly status: number, // of HTTP; 0: no answer came
    readonly kind: string,
    message: string,
    readonly hint = "",
  ) {
    super(message);
  }
}

// problemOf is what went wrong as a Problem; again: it is tried again by itself while no answer comes.
export function problemOf(err: unknown, again = false): Problem {
  if (!(err instanceof Problem)) return new Problem(0, "internal", String(err));
  return again && err.kind === "unreachable" ? new Problem(0, err.kind, err.message, "This page tries again by itself.") : err;
}

export type Query = Record<string, string | number | boolean | undefined>;

// address is the path of a call with its query; empty values are left out.
export function address(path: string, query: Query = {}): string {
  const q = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== "" && value !== false) q.set(name, value === true ? "1" : String(value));
  }
  const text = q.toString();
  return root + path + (text ? "?" + text : "");
}

// send makes a call and hands out its answer once it is known to be a good one.
export async function send(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
  const init: RequestInit = { method, signal, cache: "no-store", credentials: "same-origin" };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers = { "Content-Type": "application/json" };
  }
  let answer: Response;
  try {
    answer = await fetch(path.startsWith("/api/") ? path : root + path, init);
  } catch (err) {
    if (signal?.aborted) throw err;
    throw new Problem(0, "unreachable", "The master does not answer.", "Try again when it does.");
  }
  if (answer.ok) return answer;
  if (answer.status === 401) location.assign("/login");
  throw await refusal(answer);
}

async function refusal(answer: Response): Promise<Problem> {
  try {
    const p = (await answer.json()) as { kind?: string; detail?: string; hint?: string };
    return new Problem(answer.status, p.kind ?? "internal", sentence(p.detail ?? answer.statusText), sentence(p.hint ?? ""));
  } catch {
    return new Problem(answer.status, "internal", `The master answered ${answer.status}.`);
  }
}

export async function get<T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> {
  return (await send("GET", address(path, query), undefined, signal)).json() as Promise<T>;
}

// act makes a call that changes something. Answers without a body are undefined.
export async function act<T = unknown>(method: "POST" | "PUT" | "PATCH" | "DELETE", path: string, body?: unknown): Promise<T> {
  const answer = await send(method, path, body);
  const text = await answer.text();
  return (text ? JSON.parse(text) : undefined) as T;
}

// sentence begins with a capital, unless with the name of a file or the like, and ends with a stop.
export function sentence(text: string): string {
  if (!text) return "";
  const s = /^(\S*[\d./_]\S|netrender )/.test(text) ? text : text[0]!.toUpperCase() + text.slice(1);
  return /[.!?]$/.test(s) ? s : s + ".";
}
