use super::{HOMES, IGNORED_WITHOUT_REASON, LINES_MAX, Source, UNFINISHED, check};

fn messages(files: &[(&str, &str)]) -> Vec<String> {
    let sources: Vec<_> =
        files.iter().map(|(path, text)| Source { path: path.into(), text: (*text).to_owned() }).collect();
    check(&sources).iter().map(ToString::to_string).collect()
}

const MANIFEST: &str = "[package]\nname = \"x\"\ndescription = \"An example\"\n\n[lints]\nworkspace = true\n";

#[test]
fn a_plain_tree_has_no_findings() {
    let files =
        [("Cargo.toml", "[workspace]\n"), ("x/Cargo.toml", MANIFEST), ("x/src/lib.rs", "//! x\nfn f() {}\n")];
    assert_eq!(messages(&files), [""; 0]);
}

#[test]
fn long_sources_are_found_and_long_prose_is_not() {
    let text = "x\n".repeat(LINES_MAX + 1);
    let files = [("a.rs", text.as_str()), ("page/a.js", &text), ("a.md", &text)];
    let found = messages(&files);
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(messages(&[("a.rs", &"x\n".repeat(LINES_MAX))]), [""; 0]);
}

#[test]
fn unfinished_marks_are_found_as_words() {
    for mark in UNFINISHED {
        assert_eq!(
            messages(&[("a.rs", &format!("//\n    {mark}(\"later\")"))]),
            [format!("a.rs:2: unfinished: {mark}")]
        );
        assert_eq!(messages(&[("a.rs", &format!("MY_{mark}"))]), [""; 0]);
    }
    assert_eq!(messages(&[("a.rs", IGNORED_WITHOUT_REASON)]).len(), 1);
}

#[test]
fn homes_are_found_and_urls_are_not() {
    for home in HOMES {
        assert_eq!(messages(&[("a.md", &format!("see {home}ann/chat"))]), ["a.md:1: a path of one machine"]);
        assert_eq!(messages(&[("a.md", &format!("https://example.org{home}ann"))]), [""; 0]);
    }
}

#[test]
fn a_manifest_has_lints_a_description_and_no_versions() {
    assert_eq!(messages(&[("x/Cargo.toml", "[package]\nname = \"x\"\n")]).len(), 2);
    let dependencies = "[dependencies]\na.workspace = true\nb = { workspace = true, features = [\"c\"] }\n\
                        # d = \"1\"\n[target.'cfg(unix)'.dev-dependencies]\ne = { path = \".\" }\nf = \"1\"\n";
    let found = messages(&[("x/Cargo.toml", &format!("{MANIFEST}\n{dependencies}"))]);
    assert_eq!(found, ["x/Cargo.toml:14: the version of f belongs in the workspace's manifest"]);
}

#[test]
fn suite_references_name_functions() {
    // In pieces, so that this file has no such line itself.
    let source =
        ["/// Dense (sui", "te: `append_is_dense`, `gone`).\nasync fn append_is_dense() {}\n"].concat();
    assert_eq!(messages(&[("a.rs", &source)]), ["a.rs:1: no case \"gone\" in any suite"]);
}

#[test]
fn promises_name_tests_that_exist() {
    let rows: String =
        (1..=7).map(|n| format!("| G{n} | `seq` is dense | `suite::dense`, `tests/kill.rs` |\n")).collect();
    let rest = "## G8 Policy\n\nNobody reads `x`.\n\nTests:\n\n- `dense()`\n\n## G9: order\n\nTests: `dense`\n\n## Notes\n`seq`\n";
    let code = [("a.rs", "fn dense() {}"), ("tests/kill.rs", "")];
    let with = |text: &str| messages(&[code[0], code[1], ("docs/guarantees.md", text)]);
    assert_eq!(with(&format!("{rows}{rest}")), [""; 0]);

    let found = with(&format!("{rows}## G8\n\nIn prose: `dense`.\n\n## G9\nTests: `gone`\n"));
    assert_eq!(
        found,
        ["docs/guarantees.md:8: G8 names no test", "docs/guarantees.md:13: G9: there is no test \"gone\""]
    );
    let found = with(&rows);
    assert_eq!(found, ["docs/guarantees.md: G8 is missing", "docs/guarantees.md: G9 is missing"]);
}
