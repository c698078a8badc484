//! `outguide demo`: what a newcomer sees first answers for what came of it.

mod station;

use std::path::Path;
use std::process::Command;

use station::{Ran, stack as shipped};

fn demo(folder: &Path, stack: Option<&Path>) -> Ran {
    let driver = Path::new(env!("CARGO_BIN_EXE_outguide"))
        .parent()
        .unwrap()
        .join("examples/libsane_folder.so");
    let mut command = Command::new(env!("CARGO_BIN_EXE_outguide"));
    command.arg("demo").arg("--folder").arg(folder).arg("--driver").arg(driver);
    if let Some(stack) = stack {
        command.arg("--stack").arg(stack);
    }
    Ran::of(command.output().unwrap())
}

const ON_PURPOSE: &str = "The question is there on purpose";

#[test]
fn the_shipped_stack_comes_to_three_documents_and_a_question_on_purpose() {
    let here = tempfile::tempdir().unwrap();
    let folder = here.path().join("demo");
    let ran = demo(&folder, None);
    assert_eq!(ran.code, 0, "{}\n{}", ran.stdout, ran.stderr);
    for told in ["folder:adf", "24 pages scanned", "1 question for a clerk", ON_PURPOSE] {
        assert!(ran.stdout.contains(told), "{told}: {}", ran.stdout);
    }
    let verified = Command::new(env!("CARGO_BIN_EXE_outguide"))
        .args(["verify", "--json", "--all-must-be-there", "--state"])
        .args([folder.join("state"), folder.join("repository")])
        .output();
    let verified = Ran::of(verified.unwrap());
    assert_eq!(verified.code, 0, "{}", verified.stdout);
}

#[test]
fn another_stack_ends_as_its_batch_does() {
    let here = tempfile::tempdir().unwrap();
    let stack = here.path().join("stack");
    std::fs::create_dir(&stack).unwrap();
    // A sheet that no cover sheet goes before.
    for page in &shipped("demo-stack")[6..8] {
        std::fs::copy(page, stack.join(page.file_name().unwrap())).unwrap();
    }
    let ran = demo(&here.path().join("demo"), Some(&stack));
    assert_eq!(ran.code, 3, "{}\n{}", ran.stdout, ran.stderr);
    assert!(!ran.stdout.contains(ON_PURPOSE), "{}", ran.stdout);
}

#[test]
fn a_demo_that_could_not_be_set_up_may_be_tried_again() {
    let here = tempfile::tempdir().unwrap();
    let folder = here.path().join("demo");
    let missing = here.path().join("no-stack");
    let failed = demo(&folder, Some(&missing));
    assert_eq!(failed.code, 1, "{}", failed.stderr);
    assert!(failed.stderr.contains("no-stack"), "{}", failed.stderr);
    let again = demo(&folder, Some(&missing));
    assert!(!again.stderr.contains("is no earlier demo"), "{}", again.stderr);
}
