import { FIGURES, type Analysis } from "./analysis";
import { Cite } from "./cite";
import type { SessionController } from "./controller";
import { plural, trimmed } from "./format";
import { Said } from "./text";

const NAMES = { clarity: "Clarity", context: "Context", specificity: "Specificity" };

/** What a language model says of the prompts, and that it is one that says so. */
export function AnalysisCard({ analysis, controller }: { analysis: Analysis; controller: SessionController }) {
  const { notice, model, means, summary, strengths, improvements, prompts, leftOut } = analysis;
  return (
    <section class="r-analysis" aria-labelledby="r-analysis">
      <h3 id="r-analysis">
        <span>
          Written by a language model <span class="s-flag">{model}</span>
        </span>
      </h3>
      <p class="s-note">{notice}</p>
      <p>
        <Said text={summary} most={1000} />
      </p>
      <dl class="r-means" aria-label="Means over the prompts, from 1 to 5">
        {FIGURES.map((figure) => (
          <div key={figure}>
            <dt>{NAMES[figure]}</dt>
            <dd>{trimmed(means[figure], 1)} of 5</dd>
          </div>
        ))}
      </dl>
      <Points title="Strengths" texts={strengths} />
      <Points title="To improve" texts={improvements} />
      <details>
        <summary>{plural(prompts.length, "prompt")} one by one</summary>
        <ol class="r-prompts">
          {prompts.map((prompt) => (
            <li key={prompt.number} value={prompt.number}>
              <span class="s-quiet">
                {FIGURES.map((figure) => `${NAMES[figure].toLowerCase()} ${prompt.figures[figure]}`).join(", ")}
              </span>
              {prompt.note && (
                <p>
                  <Said text={prompt.note} most={500} />
                </p>
              )}
              <div class="r-cite" aria-label="Evidence">
                {prompt.seqs.map((seq) => (
                  <Cite key={seq} seq={seq} controller={controller} />
                ))}
              </div>
            </li>
          ))}
        </ol>
        {leftOut > 0 && <p class="s-note">It was not asked about {plural(leftOut, "more prompt")} in the middle.</p>}
      </details>
    </section>
  );
}

function Points({ title, texts }: { title: string; texts: string[] }) {
  if (texts.length === 0) return null;
  return (
    <div>
      <h4>{title}</h4>
      <ul class="r-points">
        {texts.map((text, index) => (
          <li key={index}>
            <Said text={text} most={500} />
          </li>
        ))}
      </ul>
    </div>
  );
}
