import { useState } from "preact/hooks";
import { path } from "../../api/client";
import { Confirm } from "../../app/dialog";
import { api, mayWrite } from "../../app/identity";
import { useResource } from "../../app/resource";
import { Empty } from "../../app/states";
import { Plain } from "../../text/plain-text";
import { allOf } from "../all";
import { Action, Listing, Part } from "../part";
import { loadUses, Uses, type Used } from "../uses";
import { DIFFICULTIES, type Difficulty, type Issue } from "./draft";
import { IssueForm } from "./form";
import { LookAtIssue } from "./look";

interface Loaded {
  issues: Issue[];
  uses: Used;
}

type Open = { is: "new" } | { is: "edit" | "copy" | "look" | "delete"; issue: Issue };

/** Tasks that assessments may be about. */
export function Issues() {
  const [status, setStatus] = useState<Issue["status"]>("active");
  const all = useResource<Loaded>(
    async (signal) => {
      const [issues, uses] = await Promise.all([allOf<Issue>("/v1/issues", "issues", { status }, 50, signal), loadUses("issueId", signal)]);
      return { issues, uses };
    },
    [status],
  );
  const [open, setOpen] = useState<Open | null>(null);
  const close = () => setOpen(null);
  const known = all.state.is === "here" ? all.state.value : null;
  const languages = [...new Set(known?.issues.map(({ language }) => language))].sort();
  return (
    <>
      <Part
        title="Issues"
        lead="Tasks that assessments may be about: the organisation's own, and those that all organisations of this server share."
        add={{ name: "New issue", onClick: () => setOpen({ is: "new" }) }}
        resource={all}
      >
        {({ issues, uses }) => (
          <>
            <Listed issues={issues} uses={uses} status={status} onOpen={setOpen} />
            <p class="below">
              <button type="button" class="button quiet small" onClick={() => setStatus(status === "active" ? "archived" : "active")}>
                {status === "active" ? "Show archived issues" : "Show active issues"}
              </button>
            </p>
          </>
        )}
      </Part>
      {(open?.is === "new" || open?.is === "edit" || open?.is === "copy") && (
        <IssueForm from={open.is === "new" ? null : open.issue} isChange={open.is === "edit"} languages={languages} onDone={all.again} onClose={close} />
      )}
      {open?.is === "look" && (
        <LookAtIssue issue={open.issue} onClose={close}>
          {mayWrite() && (
            <button type="button" class="button" onClick={() => setOpen({ is: "copy", issue: open.issue })}>
              Make one like it
            </button>
          )}
          <button type="button" class="button primary" onClick={close}>
            Close
          </button>
        </LookAtIssue>
      )}
      {open?.is === "delete" && (
        <Confirm
          title="Delete this issue?"
          action="Delete"
          onClose={close}
          onConfirm={async () => {
            await api.delete(path`/v1/issues/${open.issue.id}`);
            close();
            all.again();
          }}
        >
          <p>
            <strong>
              <Plain text={open.issue.issueTitle} />
            </strong>{" "}
            {known && <Uses of={open.issue.id} uses={known.uses} />}
          </p>
          <p>No new assessment can name it. Those that do so already keep its task, and their candidates go on with it.</p>
        </Confirm>
      )}
    </>
  );
}

interface ListedProps extends Loaded {
  status: Issue["status"];
  onOpen: (open: Open) => void;
}

function Listed({ issues, uses, status, onOpen }: ListedProps) {
  const canWrite = mayWrite();
  if (issues.length === 0) {
    return (
      <div class="card">
        <Empty title={status === "active" ? "No issues yet." : "No archived issues."}>
          {status === "active" && <p>An assessment may have a brief of its own. An issue is a task that several of them can name.</p>}
        </Empty>
      </div>
    );
  }
  return (
    <Listing label="Issues" heads={["Title", "Language", "Difficulty", "Minutes", "Whose", "In use"]}>
      {issues.map((issue) => (
        <tr key={issue.id}>
          <td class="issue-title">
            <button type="button" class="link" onClick={() => onOpen({ is: "look", issue })}>
              <Plain text={issue.issueTitle} />
            </button>
            <span class="tags">
              {issue.skillTags.map((tag) => (
                <span key={tag} class="badge">
                  <Plain text={tag} />
                </span>
              ))}
            </span>
          </td>
          <td class="language">
            <Plain text={issue.language} />
          </td>
          <td>
            <HowHard difficulty={issue.difficulty} />
          </td>
          <td class="number">{issue.estimatedMinutes ?? "–"}</td>
          <td>
            <span class={issue.isCustom ? "badge accent" : "badge"}>{issue.isCustom ? "own" : "shared"}</span>
          </td>
          <td class="muted fit">
            <Uses of={issue.id} uses={uses} />
          </td>
          <td class="end">
            <span class="row-end">
              {canWrite && issue.isCustom && <Action name="Edit" of={issue.issueTitle} onClick={() => onOpen({ is: "edit", issue })} />}
              {canWrite && issue.isCustom && <Action name="Delete" of={issue.issueTitle} onClick={() => onOpen({ is: "delete", issue })} />}
              {canWrite && !issue.isCustom && <Action name="Copy" of={issue.issueTitle} onClick={() => onOpen({ is: "copy", issue })} />}
            </span>
          </td>
        </tr>
      ))}
    </Listing>
  );
}

/** One bar of three, two, or all. */
function HowHard({ difficulty }: { difficulty: Difficulty }) {
  const level = DIFFICULTIES.indexOf(difficulty);
  return (
    <span class="how-hard">
      <svg viewBox="0 0 14 12" aria-hidden="true">
        {DIFFICULTIES.map((name, index) => (
          <rect key={name} class={index <= level ? "is-on" : ""} x={index * 5} width="4" y={8 - index * 4} height={4 + index * 4} />
        ))}
      </svg>
      {difficulty}
    </span>
  );
}
