import { useState } from "preact/hooks";
import { path } from "../../api/client";
import { Dialog, FormEnd, useClosing } from "../../app/dialog";
import { Field, useSending } from "../../app/form";
import { api } from "../../app/identity";
import { bodyOf, DIFFICULTIES, draftOf, NEW_ISSUE, type Difficulty, type Issue, type IssueDraft } from "./draft";

export interface IssueFormProps {
  /** What it is like at first: the issue that is changed, or one to make another of; `null`: empty. */
  from: Issue | null;
  /** Whether that one is changed. */
  isChange: boolean;
  /** Languages that are in use. */
  languages: readonly string[];
  onDone: () => void;
  onClose: () => void;
}

/** Makes an issue of the organisation's own, or changes one. */
export function IssueForm({ from, isChange, languages, onDone, onClose }: IssueFormProps) {
  const [before] = useState<IssueDraft>(() => (from ? { ...draftOf(from), ...(!isChange && { status: "active" }) } : NEW_ISSUE));
  const [draft, setDraft] = useState(before);
  const { isSending, faults, send } = useSending();
  const { close, warning } = useClosing(JSON.stringify(draft) !== JSON.stringify(before), onClose);
  const submit = (event: Event) => {
    event.preventDefault();
    void send(async () => {
      if (isChange && from) await api.patch(path`/v1/issues/${from.id}`, bodyOf(draft));
      else await api.post("/v1/issues", bodyOf(draft));
      onDone();
      onClose();
    });
  };
  type Texts = Exclude<keyof IssueDraft, "difficulty" | "status">;
  const text = (name: Texts, label: string, more: { hint?: string; placeholder?: string; list?: string; numeric?: true } = {}) => (
    <Field label={label} hint={more.hint} fault={faults[name]}>
      {(about) => (
        <input
          {...about}
          value={draft[name]}
          placeholder={more.placeholder}
          list={more.list}
          inputMode={more.numeric && "numeric"}
          onInput={(event) => setDraft({ ...draft, [name]: event.currentTarget.value })}
        />
      )}
    </Field>
  );
  const long = (name: Texts, label: string, rows: number, hint?: string) => (
    <Field label={label} hint={hint} fault={faults[name]}>
      {(about) => (
        <textarea {...about} rows={rows} value={draft[name]} onInput={(event) => setDraft({ ...draft, [name]: event.currentTarget.value })} />
      )}
    </Field>
  );
  const isMoreWrong = ["source", "repoSlug", "issueUrl", "issueNumber", "issueBody"].some((name) => faults[name]);
  return (
    <Dialog title={isChange ? "Edit the issue" : from ? "An issue like this one" : "New issue"} wide onClose={close}>
      <form class="form" onSubmit={submit} noValidate>
        {isChange && <p class="note">Assessments keep the task that they took from it. One takes it anew when its task is chosen again.</p>}
        {text("issueTitle", "Title")}
        <div class="form-row">
          {text("language", "Language", { list: "issue-languages", placeholder: "TypeScript" })}
          <Field label="Difficulty" fault={faults["difficulty"]}>
            {(about) => (
              <select {...about} value={draft.difficulty} onChange={(event) => setDraft({ ...draft, difficulty: event.currentTarget.value as Difficulty })}>
                {DIFFICULTIES.map((name) => (
                  <option key={name}>{name}</option>
                ))}
              </select>
            )}
          </Field>
          {text("estimatedMinutes", "Minutes it takes", { numeric: true })}
        </div>
        <datalist id="issue-languages">
          {languages.map((name) => (
            <option key={name} value={name} />
          ))}
        </datalist>
        {text("skillTags", "Tags", { hint: "Parted by commas.", placeholder: "parsing, time" })}
        {long("taskBrief", "Brief", 7, "What candidates are asked to do, and when they are done, in Markdown.")}
        {long("setupInstructions", "Set-up", 3, "How to get it running, and the command that tests it.")}
        <fieldset class="group">
          <legend>The code</legend>
          {text("repoUrl", "Repository", { placeholder: "https://github.com/acme/parser" })}
          {text("repoSubdir", "Directory within", { placeholder: "packages/parser" })}
          {text("brokenSha", "Commit to start from", { placeholder: "3f9a1bc" })}
          {text("referenceSha", "Commit that solves it", { hint: "Candidates never see it." })}
        </fieldset>
        <details open={isMoreWrong || undefined}>
          <summary>Where it comes from</summary>
          <div class="form">
            <div class="form-row">
              {text("source", "Source", { placeholder: "github" })}
              {text("repoSlug", "Short name of the repository", { placeholder: "acme/parser" })}
            </div>
            <div class="form-row">
              {text("issueUrl", "Address of the issue", { placeholder: "https://github.com/acme/parser/issues/17" })}
              {text("issueNumber", "Its number", { numeric: true })}
            </div>
            {long("issueBody", "Its text", 4)}
          </div>
        </details>
        {isChange && (
          <label class="inline">
            <input
              type="checkbox"
              checked={draft.status === "archived"}
              onChange={(event) => setDraft({ ...draft, status: event.currentTarget.checked ? "archived" : "active" })}
            />
            Archived: not offered to new assessments
          </label>
        )}
        <FormEnd action={isChange ? "Save" : "Create"} isSending={isSending} fault={faults[""]} warning={warning} onClose={close} />
      </form>
    </Dialog>
  );
}
