/** Whether a command line runs tests, a build, a linter or a type checker, by the table that the signals go by. */
import { commands } from "./shell";

/** In the order of precedence within one command line. */
export const CLASSES = ["test", "build", "lint"] as const;
export type CommandClass = (typeof CLASSES)[number];

interface Tools {
  programs: string[];
  /** The first word behind the options says what is done; `fmt --check` stands for `fmt` with that option. */
  subcommands: Record<string, string[]>;
  /** Programs that take any number of targets. */
  targets: Record<string, string[]>;
  /** How the names of package scripts begin. */
  scripts: string[];
}

const TOOLS: Record<CommandClass, Tools> = {
  test: {
    programs: words("pytest unittest jest vitest mocha ava tox nox rspec phpunit ctest cypress"),
    subcommands: {
      go: ["test"],
      cargo: ["test", "nextest"],
      dotnet: ["test"],
      swift: ["test"],
      deno: ["test"],
      playwright: ["test"],
    },
    targets: {
      rake: ["test"],
      mvn: ["test", "verify", "check"],
      gradle: ["test", "verify", "check"],
      make: ["test", "check"],
    },
    scripts: ["test"],
  },
  build: {
    programs: [],
    subcommands: { go: ["build"], cargo: ["build"], dotnet: ["build"], swift: ["build"] },
    targets: { mvn: ["compile", "package", "install"], gradle: ["build", "assemble"], make: ["build", "all"] },
    scripts: ["build"],
  },
  lint: {
    programs: words("eslint biome ruff mypy pyright flake8 pylint tsc golangci-lint pre-commit"),
    subcommands: { go: ["vet"], cargo: ["clippy", "check", "fmt --check"] },
    targets: { make: ["lint"] },
    scripts: ["lint", "typecheck"],
  },
};

const PREFIXES = words("sudo time env nice command");
const SHELLS = words("bash sh zsh dash");
/** Programs that run a tool, with the subcommand that does so. */
const RUNNERS: Record<string, string> = { npx: "", bunx: "", uv: "run", poetry: "run", pipenv: "run", bundle: "exec" };
const MANAGERS = words("npm pnpm yarn bun");
const KEYWORDS = words("! { } if then elif else while until do");

/** Options that take the next word, where they may stand before what is run. */
const VALUED: Record<string, string[]> = {
  sudo: words("-u --user -g --group -h --host -p --prompt -C --close-from -D --chdir -R --chroot -r --role -t --type"),
  time: words("-f --format -o --output"),
  env: words("-u --unset -C --chdir -S --split-string"),
  nice: words("-n --adjustment"),
  python: words("-W -X"),
  npx: words("-p --package -c --call -w --workspace"),
  bunx: words("-p --package -c --call -w --workspace"),
  npm: words("-w --workspace --prefix -C --dir -F --filter --cwd --package --loglevel"),
  uv: words("--with --with-editable --with-requirements --extra --group -p --python --directory --project --package"),
  poetry: words("-C --directory -P --project"),
  go: ["-C"],
  cargo: words("-C -Z --config --color --manifest-path"),
  swift: words("-C --package-path"),
  make: words("-C --directory -f --file -I --include-dir -o -W"),
  mvn: words("-f --file -pl --projects -P --activate-profiles -rf --resume-from -s --settings -T --threads -D"),
  gradle: words("-x --exclude-task --tests -p --project-dir -b --build-file -c --settings-file -g -I --init-script"),
  rake: words("-f --rakefile -C --directory -I --libdir -r --require"),
};
for (const manager of MANAGERS) VALUED[manager] = VALUED["npm"]!;

/** No program's name stands behind so many words, or so far into a line; strangers write these lines. */
const MOST_WORDS = 500;
const MOST_LETTERS = 1 << 16;

/** The class of a command line; `null` when it verifies nothing. */
export function classify(line: string): CommandClass | null {
  return first(commands(line.slice(0, MOST_LETTERS)).map((found) => look(found, true)));
}

function words(list: string): string[] {
  return list.split(" ");
}

function first(classes: (CommandClass | null)[]): CommandClass | null {
  return CLASSES.find((wanted) => classes.includes(wanted)) ?? null;
}

/** Takes prefixes and runners off until the program stands first. */
function look(found: string[], mayBeScript: boolean): CommandClass | null {
  let rest = found.slice(0, MOST_WORDS);
  for (;;) {
    const [head, ...behind] = rest;
    if (head === undefined) return null;
    const program = baseName(head);
    if (KEYWORDS.includes(head) || /^[A-Za-z_]\w*\+?=/.test(head)) {
      rest = behind;
    } else if (PREFIXES.includes(program)) {
      // `command -v pytest` only says where it is.
      if (program === "command" && /^-[vV]$/.test(behind[0] ?? "")) return null;
      rest = afterOptions(program, behind);
    } else if (SHELLS.includes(program)) {
      const script = mayBeScript ? scriptOf(behind) : null;
      return script === null ? null : first(commands(script).map((words) => look(words, false)));
    } else if (/^python[\d.]*$/.test(program)) {
      const module = moduleOf(behind);
      if (!module) return null;
      rest = module;
    } else if (MANAGERS.includes(program)) {
      const tool = behindManager(program, behind);
      if (typeof tool === "string") return classOfScript(tool);
      rest = tool;
    } else if (Object.hasOwn(RUNNERS, program)) {
      rest = afterOptions(program, behind);
      if (RUNNERS[program] !== "") {
        if (rest[0] !== RUNNERS[program]) return null;
        rest = afterOptions(program, rest.slice(1));
      }
    } else {
      return classOfTool(program, behind);
    }
  }
}

/** Without its folder, `.exe`, a wrapper's `w` and a version. */
function baseName(word: string): string {
  const name = word.split(/[/\\]/).pop()!.replace(/\.exe$/i, "").split("@")[0]!;
  return name === "gradlew" ? "gradle" : name === "mvnw" ? "mvn" : name;
}

function afterOptions(program: string, list: string[]): string[] {
  let at = 0;
  for (; at < list.length; at += 1) {
    const word = list[at]!;
    if (word === "--") return list.slice(at + 1);
    if (word.startsWith("-") && takesValue(program, word)) at += 1;
    else if (!word.startsWith("-") && !word.startsWith("+")) break;
  }
  return list.slice(at);
}

/** Named in the table, or `-Hu` where `-u` is. */
function takesValue(program: string, option: string): boolean {
  const valued = own(VALUED, program);
  if (valued.includes(option)) return true;
  const [, one, two] = /^-([^-])([^-])$/.exec(option) ?? [];
  return one !== undefined && !valued.includes(`-${one}`) && valued.includes(`-${two}`);
}

function scriptOf(list: string[]): string | null {
  for (let at = 0; at < list.length; at += 1) {
    const word = list[at]!;
    if (!word.startsWith("-")) return null;
    if (word.startsWith("--")) continue;
    if (word.includes("c")) return list[at + 1] ?? null;
    if (word.endsWith("o")) at += 1;
  }
  return null;
}

function moduleOf(list: string[]): string[] | null {
  for (let at = 0; at < list.length; at += 1) {
    const word = list[at]!;
    if (word === "-m") return list.slice(at + 1);
    if (word === "-c" || !word.startsWith("-")) return null;
    if (takesValue("python", word)) at += 1;
  }
  return null;
}

/** A script's name, or the tool that is run with its arguments. */
function behindManager(manager: string, behind: string[]): string | string[] {
  let list = afterOptions(manager, behind);
  if (manager === "yarn" && list[0] === "workspace") list = list.slice(2);
  const [head, ...rest] = list;
  if (head === undefined) return [];
  if (head === "t" && (manager === "npm" || manager === "pnpm")) return "test";
  if (head === "exec" || head === "dlx" || head === "x") return afterOptions(manager, rest);
  if (head === "run" || head === "run-script") list = afterOptions(manager, rest);
  const script = list[0];
  if (script === undefined) return [];
  return classOfScript(script) === null && manager !== "npm" ? list : script;
}

function classOfScript(name: string): CommandClass | null {
  const script = name.split(":")[0]!;
  return CLASSES.find((wanted) => TOOLS[wanted].scripts.some((start) => script.startsWith(start))) ?? null;
}

function classOfTool(program: string, rest: string[]): CommandClass | null {
  const verifies = (wanted: CommandClass): boolean => {
    const { programs, subcommands, targets } = TOOLS[wanted];
    return (
      programs.includes(program) ||
      hasSubcommand(program, own(subcommands, program), rest) ||
      hasTarget(program, own(targets, program), rest)
    );
  };
  return CLASSES.find(verifies) ?? null;
}

function own(table: Record<string, string[]>, name: string): string[] {
  return Object.hasOwn(table, name) ? table[name]! : [];
}

function hasSubcommand(program: string, names: string[], rest: string[]): boolean {
  const [subcommand, ...behind] = names.length > 0 ? afterOptions(program, rest) : [];
  return names.some((name) => {
    const [wanted, option] = name.split(" ");
    return subcommand === wanted && (option === undefined || behind.includes(option));
  });
}

function hasTarget(program: string, names: string[], rest: string[]): boolean {
  if (names.length === 0) return false;
  for (let list = afterOptions(program, rest); list.length > 0; list = afterOptions(program, list.slice(1))) {
    const parts = list[0]!.split(":");
    const target = program === "gradle" ? parts.pop()! : program === "rake" ? parts[0]! : list[0]!;
    if (names.includes(target)) return true;
  }
  return false;
}
