import { Empty } from "../app/states";

export function SettingsPage() {
  return <Empty title="This page is not there yet." />;
}
