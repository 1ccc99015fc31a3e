import { Empty } from "../app/states";

export function AssessmentsPage() {
  return <Empty title="This page is not there yet." />;
}
