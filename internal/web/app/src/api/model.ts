// The API's nouns by short names.
import type { components } from "./schema";

type S = components["schemas"];

// Full is what the master always sends whole. Numbers and texts that it leaves out where they are nothing read as
// undefined: use them as conditions, or with ||.
export type Full<T> = NonNullable<T> extends (infer U)[] ? Full<U>[] : NonNullable<T> extends object ? { [K in keyof T as string extends K ? never : K]-?: Full<T[K]> } : T;

export type Glance = Full<S["Glance"]>;
export type JobGlance = Full<S["JobGlance"]>;
export type WorkerGlance = Full<S["WorkerGlance"]>;
export type AttentionList = Full<S["AttentionList"]>;
export type Sharing = Full<S["Sharing"]>;
export type Job = Full<S["Job"]>;
export type JobList = Full<S["JobList"]>;
export type Progress = Full<S["Progress"]>;
export type ActionReply = Full<S["ActionReply"]>;
export type Statistics = Full<S["Statistics"]>;
export type Worker = Full<S["WorkerView"]>;
export type WorkerList = Full<S["WorkerList"]>;
export type WorkerHistory = Full<S["WorkerHistory"]>;
export type Running = Full<S["Running"]>;
export type Attempt = Full<S["Attempt"]>;
export type Event = Full<S["Event"]>;
export type Rules = Full<S["Rules"]>;
export type Token = Full<S["Token"]>;
export type Pairing = Full<S["Pairing"]>;
export type Audit = Full<S["Audit"]>;
export type Reason = Full<S["Reason"]>;

export type JobState = "collecting" | "queued" | "active" | "paused" | "done" | "failed" | "canceled";

export const openStates: JobState[] = ["active", "queued", "collecting", "paused"];
export const ended = (state: string | undefined) => state === "done" || state === "failed" || state === "canceled";
export type Balance = Full<S["Balance"]>;
export type JobBalance = Full<S["JobBalance"]>;
export type RulesPreview = Full<S["RulesPreview"]>;
export type StatRow = Full<S["StatRow"]>;
export type LoginView = Full<S["LoginView"]>;
export type Cleaning = Full<S["Cleaning"]>;
export type CleanRule = Full<S["CleanRule"]>;
export type Cleaned = Full<S["Cleaned"]>;
export type TokenList = Full<S["TokenList"]>;
export type NewToken = Full<S["NewToken"]>;
export type AuditList = Full<S["AuditList"]>;
export type About = Full<S["About"]>;
export type Inspection = Full<S["Inspection"]>;
export type InspectedFile = Full<S["InspectedFile"]>;
export type ReasonList = Full<S["ReasonList"]>;
export type Target = Full<S["Target"]>;
export type TargetList = Full<S["TargetList"]>;
export type TargetReply = Full<S["TargetReply"]>;
export type KindName = Full<S["KindName"]>;
export type Answer = Full<S["Answer"]>;
export type Delivery = Full<S["Delivery"]>;
export type DeliveryList = Full<S["DeliveryList"]>;
