use proptest::prelude::*;

use super::{CommandClass::*, *};

#[track_caller]
fn check(command: &str, expected: Option<CommandClass>) {
    assert_eq!(classify(command), expected, "{command}");
}

fn all(commands: &[&str], expected: Option<CommandClass>) {
    for command in commands {
        check(command, expected);
    }
}

#[test]
fn test_tools_are_tests_whatever_their_arguments() {
    #[rustfmt::skip]
    let programs = [
        "pytest", "jest", "vitest", "mocha", "ava", "tox", "nox", "rspec", "phpunit", "ctest", "cypress run",
        "go test ./...", "cargo test", "cargo nextest run", "dotnet test", "swift test", "deno test -A", "rake test",
        "playwright test", "mvn test", "mvn verify", "mvn check", "gradle test", "gradle check", "make test",
        "make check", "pytest -x tests/test_a.py::test_b", "jest --coverage",
    ];
    all(&programs, Some(Test));
}

#[test]
fn builds_are_builds() {
    #[rustfmt::skip]
    let commands = [
        "go build ./cmd/x", "cargo build --release", "dotnet build", "swift build", "npm run build", "yarn build",
        "pnpm run build:prod", "bun run build", "mvn compile", "mvn package", "mvn clean install", "gradle build",
        "./gradlew assembleRelease assemble", "make build", "make all", "make clean all",
    ];
    all(&commands, Some(Build));
}

#[test]
fn linters_and_type_checkers_are_lint() {
    #[rustfmt::skip]
    let commands = [
        "eslint .", "biome check", "ruff check .", "ruff format --check", "mypy src", "pyright", "flake8",
        "pylint x", "tsc --noEmit", "golangci-lint run", "pre-commit run --all-files", "go vet ./...",
        "cargo clippy -- -D warnings", "cargo check", "cargo fmt --check", "cargo fmt --all -- --check",
        "npm run lint", "npm run lint:fix", "yarn typecheck", "pnpm lint", "make lint", "make -j4 lint",
    ];
    all(&commands, Some(Lint));
}

#[test]
fn other_commands_are_nothing() {
    #[rustfmt::skip]
    let commands = [
        "", " ", "ls -la", "cat test.log", "echo pytest", "echo 'npm test'", "git commit -m 'run tests'",
        "git commit -m \"fix && pytest\"", "grep -r pytest .", "which jest", "pip install pytest",
        "npm install jest", "npm i -D vitest", "yarn add eslint", "pnpm add -D tsc", "cargo run", "cargo fmt",
        "cargo add proptest", "go run .", "go mod tidy", "make", "make clean", "make -C test", "make -f check",
        "test -f package.json", "[ -f test ]", "cd test", "vim pytest", "python test.py", "python pytest",
        "python -c 'import pytest'", "python -W ignore test.py", "node jest.js", "bash test.sh",
        "bash ./run-tests && true", "docker build .", "npm run dev", "npm start", "npm", "npm run", "yarn", "npx",
        "uv", "uv pip install pytest", "uv sync", "poetry add pytest", "bundle install", "bundle exec", "sudo",
        "env", "A=b", "PYTEST=1", "command -v pytest", "command -V jest", "mypytest", "pytests", "gradle tasks",
        "gradle clean -x test", "mvn clean", "rake db:test", "npm run unit:test", "deno run test",
        "playwright install", "dotnet run", "swift package update", "man go test", "xargs pytest", "time",
        "nice -n 5", "!", "{", "&&", "||", ";;", "&", "|", "(", ")", ">", "<", "<<", "2>&1", "# pytest",
        "ls # && pytest", "echo $(pytest)", "echo `pytest`", "x=$(npm test)", "x=\"$(npm test && ls)\"",
        "tests=(pytest jest)", "echo \"a\" > pytest", "> pytest", "cat < pytest", "cat <<< pytest",
        "diff <(pytest) <(jest)",
    ];
    all(&commands, None);
}

#[test]
fn a_line_is_split_where_a_shell_splits_it() {
    #[rustfmt::skip]
    let commands = [
        "cd app && pytest", "ls; pytest", "pytest | tee log", "cat x | pytest", "false || pytest", "ls & pytest",
        "ls\npytest", "ls\r\npytest\r\n", "cd a&&pytest", "ls;pytest;", "a|pytest", "(cd x && pytest)", "( pytest )",
        "{ pytest; }", "! pytest", "if pytest; then echo ok; fi", "for x in a b; do pytest $x; done",
        "while ! pytest; do sleep 1; done", "t() { pytest; }; t", "case $x in a) pytest;; esac", "pytest 2>&1",
        "pytest>log", "pytest 2>&1 | tail -5", "2>/dev/null pytest", "> log pytest", ">log 2>&1 pytest",
        "pytest &> log", "ls &>log; pytest", "ls >| log && pytest", "pytest |& tee log", "py\\\ntest",
        "pytest \\\n -x", "pytest # unit", "ls # it's\npytest", "echo a#b; pytest", "echo 'a && b' && pytest",
        "echo \"it's\" && pytest", "echo \\\" && pytest", "echo 'it'\\''s' && pytest", "echo $'it\\'s' && pytest",
        "echo $(ls; ls) && pytest", "echo \"$(echo \"a)\" ')' )\" && pytest", "echo ${x:-a;b} && pytest",
        "echo \"${x:-it's}\" && pytest", "echo $((1 << 2))\npytest", "echo $(( (1) + 2 )) && pytest",
        "echo `ls \\` x` && pytest", "\"pytest\" -x", "'./my dir/pytest'", "diff <(ls) <(ls -a) && pytest",
        "ls > >(tee log) && pytest", "a=(b c) pytest", "echo !(a|b) && pytest", "sleep 1 & pytest",
        "echo $ && pytest", "pytest 3<&-",
    ];
    all(&commands, Some(Test));
}

#[test]
fn bodies_of_here_documents_do_not_count() {
    check("cat <<EOF\npytest\nEOF\n", None);
    check("cat <<'EOF' > run.sh\nit's\npytest\nEOF", None);
    check("cat <<-\tEOF\npytest\n\tEOF\nls", None);
    check("cat <<EOF\npytest", None);
    check("cat <<A <<B\npytest\nA\njest\nB\n", None);
    check("cat <<EOF\nit's\nEOF\npytest", Some(Test));
    check("cat <<\"EOF\" && npm run build\n'\nEOF\n", Some(Build));
    check("cat <<EOF | pytest\nx\nEOF\n", Some(Test));
    check("git commit -m \"$(cat <<'EOF'\nfix: don't && pytest\nEOF\n)\"", None);
    check("git commit -m \"$(cat <<'EOF'\nfix: don't (yet)\n\nEOF\n)\" && pytest", Some(Test));
}

#[test]
fn prefixes_are_dropped_with_their_options() {
    #[rustfmt::skip]
    let commands = [
        "A=b pytest", "A=b C='d e' pytest", "A= pytest", "A+=b pytest", "sudo pytest", "sudo -u x pytest",
        "sudo -Hu postgres pytest", "sudo --user=x -n pytest", "sudo -- pytest", "sudo A=b pytest", "time pytest",
        "time -p pytest", "env pytest", "env -i A=b pytest", "env -u HOME A=b pytest", "env -- pytest",
        "nice pytest", "nice -n 5 pytest", "nice -n5 pytest", "nice -5 pytest", "command pytest",
        "command -p pytest", "sudo env A=b nice -n 5 time pytest", "/usr/bin/env pytest",
    ];
    all(&commands, Some(Test));
}

#[test]
fn the_base_name_of_the_program_counts() {
    all(
        &["./node_modules/.bin/jest", "/usr/bin/pytest", "../x/pytest", "pytest.exe", "\"C:\\x\\pytest.EXE\""],
        Some(Test),
    );
    all(&["./gradlew test", "./gradlew :app:test", "./gradlew clean check", "./mvnw -q verify"], Some(Test));
    all(&["./gradlew build -x test", "mvn -DskipTests package", "mvn -pl test install"], Some(Build));
    all(&["pytest/", "pytest/x", ".exe", "/", "jest.config.js"], None);
}

#[test]
fn runners_are_looked_through() {
    #[rustfmt::skip]
    let commands = [
        "python -m pytest", "python3 -m unittest discover", "python3.12 -u -W ignore -m pytest", "npx jest",
        "npx -y jest@29", "npx --package=jest -- jest", "npx -p jest jest", "bunx vitest run", "pnpm exec jest",
        "pnpm dlx vitest", "pnpm -r exec jest", "yarn jest", "yarn run jest", "yarn exec jest", "npm exec -- jest",
        "uv run pytest", "uv run --with x pytest", "uv run -m pytest", "uv run python -m pytest",
        "poetry run pytest", "pipenv run pytest -x", "bundle exec rspec", "bundle exec rake test",
        "npx playwright test", "npx cypress run", "sudo npx jest", "A=b npx A=b jest", "yarn playwright test",
    ];
    all(&commands, Some(Test));
    all(&["npx tsc --noEmit", "npx @biomejs/biome check", "npx @biomejs/biome@1.9 check", "yarn eslint ."], Some(Lint));
    all(&["npx create-react-app jest", "npx playwright install", "python -m http.server", "yarn why jest"], None);
}

#[test]
fn package_scripts_count_by_their_name() {
    #[rustfmt::skip]
    let tests = [
        "npm test", "npm t", "npm run test", "npm run test:unit", "npm run-script test", "npm test -- --watch",
        "npm --prefix web test", "npm -w web run test", "pnpm test", "pnpm -C web test", "pnpm --filter web test",
        "pnpm --filter=web run test:e2e", "yarn test", "yarn --cwd web test", "yarn workspace web test", "bun test",
        "bun run test", "npm run test-e2e", "npm run --silent test", "CI=1 npm test", "npm run test:build",
    ];
    all(&tests, Some(Test));
    check("npm run build:test", Some(Build));
    check("npm run typecheck:watch", Some(Lint));
    check("npm run jest", None);
}

#[test]
fn leading_options_and_toolchains_are_skipped() {
    all(&["cargo +nightly test", "cargo --locked test", "cargo +stable -Z x --color never test"], Some(Test));
    all(&["go -C x test", "make -C x test", "make -j 4 V=1 test", "mvn -q -f pom.xml test"], Some(Test));
    check("cargo +nightly fmt --check", Some(Lint));
    check("gradle test --tests X", Some(Test));
    check("rake -f x test:models", Some(Test));
}

#[test]
fn a_shell_with_c_is_parsed_once_more() {
    #[rustfmt::skip]
    let commands = [
        "bash -c pytest", "bash -c 'cd x && pytest'", "sh -c \"pytest\"", "bash -lc 'npm test'", "bash -e -c pytest",
        "bash -euo pipefail -c pytest", "bash --norc -c pytest", "sudo bash -c 'A=b pytest'", "/bin/sh -c pytest",
        "bash -c \"echo \\\"it's\\\" && pytest\"",
    ];
    all(&commands, Some(Test));
    check("bash -c 'echo pytest'", None);
    check("bash -c 'npm run build' && pytest", Some(Test));
    check("bash -c \"bash -c 'pytest'\"", None);
    all(&["bash -c", "bash", "bash -x run.sh -c pytest", "ssh host 'pytest'"], None);
}

#[test]
fn the_first_class_in_the_order_test_build_lint_counts() {
    check("npm run lint && npm run build && npm test", Some(Test));
    check("npm test; npm run build", Some(Test));
    check("tsc && npm run build", Some(Build));
    check("cargo clippy && cargo build", Some(Build));
    check("make lint build", Some(Build));
    check("make all test", Some(Test));
    check("eslint . | cat", Some(Lint));
}

#[test]
fn long_lines_take_linear_time() {
    let long = |unit: &str, bytes: usize| unit.repeat(bytes / unit.len());
    #[rustfmt::skip]
    let units = [
        "a", "a ", "&&", "(", ")", "$(", "${", "`", "\"$(", "'", "\"", "\\", "<<E ", "<<E\n", "<(", "sudo ", "npx ",
        "yarn ", "bash -c ", "A=b ", "-x ", "make x ", "pnpm exec ", "python -m ", "gradle -x ", "\"\\\"", "$((",
        "#\n", "cargo fmt ", "bash -c 'sh -c x' ", "a(", "1>", "x;", "\n", "ä", "yarn workspace ",
    ];
    let started = std::time::Instant::now();
    for unit in units {
        let _ = classify(&long(unit, 1 << 18));
    }
    check(&format!("echo {} && pytest", long("a ", 1 << 20)), Some(Test));
    assert!(started.elapsed().as_secs() < 60, "{:?}", started.elapsed());
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(command in any::<String>()) {
        let _ = classify(&command);
    }

    #[test]
    fn no_heap_of_shell_syntax_makes_it_panic(
        parts in prop::collection::vec(prop::sample::select(vec![
            "'", "\"", "\\", "$(", "${", "`", ")", "}", "<<", "<<-", "E", "\n", "&&", "|", ">", "<(", "((", "#", " ",
            "npm", "run", "test", "bash", "-c", "sudo", "-u", "-m", "python", "ä", "=", "make", "--", "$'", "2",
        ]), 0..40),
        blank in prop::bool::ANY,
    ) {
        let _ = classify(&parts.join(if blank { " " } else { "" }));
    }

    #[test]
    fn quoted_text_is_an_argument(text in "[a-z &|;()<>#$`\\\\]{0,40}") {
        prop_assert_eq!(classify(&format!("echo '{text}; pytest'")), None);
        let commit_and_test = format!("git commit -m '{text}' && pytest");
        prop_assert_eq!(classify(&commit_and_test), Some(Test));
    }
}
