// A scene is dropped, looked at, and made a job.
import { useEffect } from "preact/hooks";
import { dropped } from "../../dropped";
import { me, submits } from "../../me";
import { Button, Card, Empty, Head, Name, Trouble } from "../../parts/basics";
import { wear } from "../../parts/sheet";
import { count } from "../../words";
import { Choose, Chosen } from "./choose";
import { FormView } from "./formview";
import * as flow from "./flow";
import { Found } from "./found";
import { look } from "./look";
import { Progress } from "./progress";
import styles from "./submit.sheet.css";

wear(styles);

export function Submit() {
  useEffect(() => {
    const some = dropped.value;
    if (!some) return;
    dropped.value = undefined;
    void flow.take(some);
  }, [dropped.value]);
  if (!submits) return <><Head title="Submit a job" /><Empty>You are logged in with the role {me.role}, which may look. It takes the role submit to send jobs.</Empty></>;
  const stage = flow.stage.value;
  const problem = flow.problem.value;
  return (
    <>
      <Head title="Submit a job" sub={stage === "empty" ? "A scene from this computer; nothing needs to be installed here." : <Name of={flow.scene.value || "\u00a0"} />}>
        {stage !== "empty" && <Button onClick={() => void flow.cancel()}>{flow.busy.value ? "Cancel" : "Begin anew"}</Button>}
      </Head>
      <p class="vh" role="status">{says(stage)}</p>
      {problem && <Trouble of={problem} again={flow.retry.value} />}
      {stage === "empty" ? <Choose /> : (
        <div class="submitting">
          <div>
            <Card title="Files"><Chosen /><Progress /></Card>
            {look.value && <Found />}
          </div>
          {stage !== "looking" && stage !== "choosing" && <FormView />}
        </div>
      )}
    </>
  );
}

// says is what a screen reader hears as a submission goes on.
function says(stage: flow.Stage): string {
  switch (stage) {
    case "empty": return "";
    case "looking": return "Looking through the files.";
    case "choosing": return `There are ${count(flow.blends.value.length, "scene")}; choose which one is rendered.`;
    case "reading": return "Reading the files.";
    case "read": return flow.sends.value > 0 ? "Sending the files." : "The files were read.";
  }
}
