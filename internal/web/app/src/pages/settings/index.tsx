// Who may do what, who did what, what goes by itself, and what the master is: a tab each.
import type { ComponentType } from "preact";
import { admin, me } from "../../me";
import { Card, Empty, Head, Tabs } from "../../parts/basics";
import { About } from "./about";
import { Audit } from "./audit";
import { Cleaning } from "./cleaning";
import { Commands } from "./commands";
import { Logins } from "./logins";
import { Notifications } from "./notifications";
import { Tokens } from "./tokens";

interface Tab { id: string; text: string; page: ComponentType; admins?: string }

const tabs: Tab[] = [
  { id: "tokens", text: "Tokens", page: Tokens, admins: "Only admins see who has a token of this farm." },
  { id: "logins", text: "Logins", page: Logins, admins: "Only admins see which browsers are logged in." },
  { id: "notifications", text: "Notifications", page: Notifications, admins: "Only admins say who is told what happens: what they name is called by the master." },
  { id: "cleaning", text: "Cleaning", page: Cleaning },
  { id: "commands", text: "Commands", page: Commands, admins: "Only admins decide whether this farm runs commands." },
  { id: "audit", text: "Audit", page: Audit, admins: "Only admins see who did what to the farm." },
  { id: "about", text: "About", page: About },
];

export function Settings({ tab: id }: { tab?: string }) {
  const tab = tabs.find((t) => t.id === (id || (admin ? "tokens" : "about")));
  return (
    <>
      <Head title="Settings" />
      <Tabs label="Settings" now={tab?.id ?? ""} tabs={tabs.map((t) => [t.id, t.text, `/settings/${t.id}`])} />
      {!tab ? <Card><Empty>There are no such settings.</Empty></Card>
        : tab.admins && !admin ? <Card title={tab.text}><p>{tab.admins} You are logged in with the role {me.role}.</p></Card>
          : <tab.page />}
    </>
  );
}
