import { expect, test } from "vitest";
import { classify, type CommandClass } from "../../src/session/model/verification";

/** The cases are those that the server's own tests name: a command is called the same here as in the signals. */
function all(lines: string[], expected: CommandClass | null): void {
  expect(lines.filter((line) => classify(line) !== expected)).toEqual([]);
}

test("test tools are tests whatever stands before them", () => {
  all(
    [
      "pytest", "jest --coverage", "cypress run", "go test ./...", "cargo nextest run", "deno test -A", "mvn verify",
      "gradle check", "make -j 4 V=1 test", "./gradlew :app:test", "python3.12 -u -W ignore -m pytest", "npx -y jest@29",
      "uv run --with x pytest", "bundle exec rake test", "sudo npx jest", "npm t", "npm run test:unit", "CI=1 npm test",
      "pnpm --filter web test", "yarn workspace web test", "yarn playwright test", "cargo +nightly test", "rake -f x test:models",
      "sudo -Hu postgres pytest", "env -u HOME A=b pytest", "./node_modules/.bin/jest", "\"C:\\\\x\\\\pytest.EXE\"",
      "bash -lc 'npm test'", "bash -euo pipefail -c pytest", "npm run lint && npm run build && npm test", "make all test",
    ],
    "test",
  );
});

test("builds and linters are told apart, and the first class in their order counts", () => {
  all(["go build ./cmd/x", "cargo build --release", "mvn clean install", "make clean all", "npm run build:test"], "build");
  all(["tsc && npm run build", "./gradlew build -x test", "make lint build"], "build");
  all(["eslint .", "cargo fmt --all -- --check", "npm run typecheck:watch", "npx @biomejs/biome check", "make -j4 lint"], "lint");
});

test("what only speaks of tests is none", () => {
  all(
    [
      "", " ", "echo pytest", "git commit -m \"fix && pytest\"", "grep -r pytest .", "pip install pytest", "yarn add eslint",
      "cargo fmt", "make -C test", "vim pytest", "python -c 'import pytest'", "bash test.sh", "npm run dev", "npm run jest",
      "command -v pytest", "gradle clean -x test", "rake db:test", "ls # && pytest", "echo $(pytest)", "echo `pytest`",
      "x=\"$(npm test && ls)\"", "tests=(pytest jest)", "> pytest", "cat < pytest", "cat <<< pytest", "diff <(pytest) <(jest)",
      "cat <<EOF\npytest\nEOF\n", "cat <<'EOF' > run.sh\nit's\npytest\nEOF", "bash -c \"bash -c 'pytest'\"", "constructor", "toString test",
    ],
    null,
  );
});

test("a line is split where a shell splits it", () => {
  all(
    [
      "cd app && pytest", "ls; pytest", "pytest | tee log", "ls\r\npytest\r\n", "(cd x && pytest)", "{ pytest; }", "! pytest",
      "if pytest; then echo ok; fi", "pytest 2>&1 | tail -5", "2>/dev/null pytest", "pytest &> log", "py\\\ntest",
      "echo a#b; pytest", "echo 'it'\\''s' && pytest", "echo $(ls; ls) && pytest", "echo ${x:-a;b} && pytest",
      "cat <<EOF\nit's\nEOF\npytest", "cat <<EOF | pytest\nx\nEOF\n", "echo \"$(echo \"a)\" ')' )\" && pytest",
      "git commit -m \"$(cat <<'EOF'\nfix it (yet)\nEOF\n)\" && pytest",
    ],
    "test",
  );
});

test("long lines take linear time", () => {
  const started = performance.now();
  for (const unit of ["a ", "&&", "(", "$(", "${", "`", "'", "\"$(", "<<E ", "sudo ", "npx ", "-x ", "make x "]) classify(unit.repeat(20_000));
  expect(performance.now() - started).toBeLessThan(10_000);
});
