import { Empty } from "../app/states";

export function AssessmentPage({ assessmentId }: { assessmentId: string }) {
  return (
    <Empty title="This page is not there yet.">
      <p>The API has the assessment: /v1/assessments/{assessmentId}</p>
    </Empty>
  );
}
