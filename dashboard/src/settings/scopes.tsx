/** Whether somebody may change things, or look only. */
export function Scopes({ legend, mayChange, onChange }: { legend: string; mayChange: boolean; onChange: (mayChange: boolean) => void }) {
  return (
    <fieldset>
      <legend>{legend}</legend>
      <label class="inline">
        <input type="radio" name="scopes" checked={!mayChange} onChange={() => onChange(false)} />
        Read
      </label>
      <label class="inline">
        <input type="radio" name="scopes" checked={mayChange} onChange={() => onChange(true)} />
        Read and change
      </label>
    </fieldset>
  );
}

/** The same as the API has it. */
export function scopes(mayChange: boolean): string[] {
  return mayChange ? ["read", "write"] : ["read"];
}
