import { Empty } from "../app/states";

export function SessionPage({ sessionId }: { sessionId: string }) {
  return (
    <Empty title="This page is not there yet.">
      <p>The API has the session: /v1/sessions/{sessionId}</p>
    </Empty>
  );
}
