import { Empty } from "../app/states";

export function ComparePage() {
  return <Empty title="This page is not there yet." />;
}
