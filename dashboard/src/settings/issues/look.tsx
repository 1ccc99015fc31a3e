import type { ComponentChildren } from "preact";
import { Dialog } from "../../app/dialog";
import { plain, safeLink } from "../../text/plain";
import { Plain } from "../../text/plain-text";
import type { Issue } from "./draft";

/** An issue to be read: one that all organisations share, or that who looks may not change. */
export function LookAtIssue({ issue, children, onClose }: { issue: Issue; children: ComponentChildren; onClose: () => void }) {
  const facts: [string, ComponentChildren][] = [
    ["Repository", address(issue.repoUrl)],
    ["Directory", text(issue.repoSubdir)],
    ["Starts from", text(issue.brokenSha)],
    ["Solved by", text(issue.referenceSha ?? null)],
    ["Issue", address(issue.issueUrl)],
    ["Source", text(issue.source)],
  ];
  return (
    <Dialog title={plain(issue.issueTitle)} wide onClose={onClose}>
      <div class="dialog-body">
        <h3>Brief</h3>
        <Long name="Brief" text={issue.taskBrief} />
        {issue.setupInstructions && <h3>Set-up</h3>}
        {issue.setupInstructions && <Long name="Set-up" text={issue.setupInstructions} />}
        {issue.issueBody && <h3>Text of the issue</h3>}
        {issue.issueBody && <Long name="Text of the issue" text={issue.issueBody} />}
        <dl class="facts">
          {facts.map(
            ([name, value]) =>
              value && (
                <div key={name}>
                  <dt>{name}</dt>
                  <dd>{value}</dd>
                </div>
              ),
          )}
        </dl>
      </div>
      <div class="dialog-actions">{children}</div>
    </Dialog>
  );
}

function Long({ name, text }: { name: string; text: string }) {
  return (
    <pre class="brief" tabIndex={0} role="region" aria-label={name}>
      <Plain text={text} />
    </pre>
  );
}

function text(value: string | null): ComponentChildren {
  return value && <Plain text={value} />;
}

function address(value: string | null): ComponentChildren {
  const link = value === null ? null : safeLink(value);
  if (!link) return text(value);
  return (
    <a href={link} target="_blank" rel="noopener noreferrer">
      <Plain text={value!} />
    </a>
  );
}
