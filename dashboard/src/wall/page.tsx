import { Empty } from "../app/states";

export function WallPage() {
  return <Empty title="This page is not there yet." />;
}
