// Whether the farm runs commands besides scenes.
import { act, get } from "../../api/call";
import { useData } from "../../api/data";
import type { Rules, WorkerList } from "../../api/model";
import { Button, Card, Loaded, Name } from "../../parts/basics";
import { Icon } from "../../parts/icon";
import { attempt, sure } from "../../parts/tell";
import { count, number } from "../../words";

const warning = "Whoever has a token of the role submit may then run any program on the workers that allow it, as the user who runs the worker.";

export function Commands() {
  const rules = useData((signal) => get<Rules>("/rules", {}, signal), [], { on: (e) => e.kind === "audit" && e.state === "rules.change" });
  const workers = useData((signal) => get<WorkerList>("/workers", { limit: 1000 }, signal), [], { every: 15_000 });
  const list = workers.value?.workers ?? [];
  const allow = list.filter((w) => w.facts.stages?.includes("process"));
  const set = async (processes: boolean) => {
    if (processes && !(await sure("Let this farm run commands?", "Let it", warning))) return;
    const change = async () => act("PUT", "/rules", { ...(await get<Rules>("/rules")), processes }); // of the rules as they are now
    if (await attempt(change, processes ? "The farm runs commands." : "The farm runs no more commands; what runs is finished.")) rules.again();
  };
  return (
    <Card class="commands" title="Jobs of commands" aside={<>The same as <code>netrender rules processes=on</code></>}>
      <Loaded data={rules} height={160}>{(now) => (
        <>
          <p><b>{now.processes ? "This farm runs commands besides scenes." : "This farm runs scenes, and no commands."}</b></p>
          <p class="warning"><Icon name="warn" size={16} /> <span>{warning} On Linux a command is confined to the job's files, unless the worker was started with <code>--confine never</code>; elsewhere it is not.</span></p>
          <p class="dim">
            A worker allows it by <code>netrender worker --allow-processes</code>, which its owner says. {workers.value && (allow.length === 0 ? "None does." : <>
              {number(allow.length)} of {count(list.length, "worker")} {allow.length === 1 ? "does" : "do"}: <Name of={allow.slice(0, 8).map((w) => w.name).join(", ")} />{allow.length > 8 && ", ..."}.</>)}
          </p>
          <div class="actions">
            {now.processes ? <Button icon="stop" onClick={() => void set(false)}>Run no more commands</Button> : <Button kind="danger" onClick={() => void set(true)}>Let this farm run commands</Button>}
          </div>
        </>
      )}</Loaded>
    </Card>
  );
}
