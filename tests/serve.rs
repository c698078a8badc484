//! The station that runs all day: orders handed over, faults that pause,
//! ends in order and out of it, and what it goes on with.

mod station;

use serde_json::json;
use station::{Station, stack, with};

#[test]
fn capture_hands_its_order_to_the_running_station_and_tells_the_same() {
    let pages = stack("demo-stack");
    let report = |served: bool| {
        let station = Station::new();
        station.lay_in(&pages);
        let running = served.then(|| station.serve(&[]));
        let captured =
            station.capture(&["--profile", "inpatient-chart", "--scanner", "folder:adf"]);
        assert_eq!(captured.code, 3, "{}{}", captured.stderr, station.serve_log());
        if let Some(running) = running {
            assert!(running.terminate().success(), "{}", station.serve_log());
            assert!(station.serve_log().contains(&captured.batch()), "the station did it");
        }
        let id = captured.batch();
        let root = station.path("repository").display().to_string();
        captured.stdout.replace(&id, "BATCH").replace(&root, "REPOSITORY")
    };
    assert_eq!(report(true), report(false));
}

#[test]
fn a_jam_pauses_the_batch_and_the_clerk_continues_or_closes_it() {
    for (command, kept) in [("continue", 5), ("close", 2)] {
        let station = Station::new();
        station.lay_in_small(5);
        station.fault_at(3, "jam");
        let profile = station.quick_profile("feeder");
        let served = station.serve(&profile[..2].iter().map(String::as_str).collect::<Vec<_>>());
        let jammed = station.capture(&with(&profile[2..], &["--scanner", "folder:adf"]));
        assert_eq!(jammed.code, 5, "{}", jammed.stderr);
        assert_eq!(jammed.json()["last_page"], 2);
        let told = jammed.json()["error"].as_str().unwrap().to_owned();
        assert!(told.contains("jammed") && told.contains("--resume"), "{told}");
        let batch = jammed.batch();
        let shown = served.get(&format!("/batches/{batch}"));
        assert_eq!(shown["state"], "paused");
        assert_eq!(shown["pause"]["fault"], "jam");

        let other = station.capture(&with(&profile[2..], &["--scanner", "folder:adf"]));
        assert_eq!(other.code, 4, "no other stack comes in between: {}", other.stderr);
        assert!(other.stdout.contains(&batch), "{}", other.stdout);

        let state = station.path("state").display().to_string();
        let ordered = station.run(&["batch", command, &batch, "--state", &state]);
        assert_eq!(ordered.code, 0, "{}", ordered.stderr);
        // Continued, the stack's end closes it, as `capture` was told.
        let filed = served.comes_to(&batch, &["filed"]);
        assert_eq!((&filed["pages"], &filed["documents_filed"]), (&json!(kept), &json!(1)));
        assert_eq!(station.filed("pdf").len(), 1);
    }
}

#[test]
fn only_a_clerk_closes_a_batch_that_was_not_to_end_with_its_stack() {
    let station = Station::new();
    station.lay_in_small(2);
    let profile = station.quick_profile("feeder");
    let served = station.serve(&with(&profile[..2], &[]));
    let batch = served.order("quick", "clerk");
    let paused = served.comes_to(&batch, &["paused"]);
    assert_eq!(paused["pause"]["kind"], "stack-end", "{paused}");
    assert_eq!(paused["pages"], 2);
    station.lay_in_small(3);
    let (status, _) = served.post(&format!("/batches/{batch}/continue"), &json!({}));
    assert_eq!(status, 200);
    served.comes_to(&batch, &["scanning", "paused"]);
    let paused = served.comes_to(&batch, &["paused"]);
    assert_eq!(paused["pages"], 3);
    let (status, _) = served.post(&format!("/batches/{batch}/close"), &json!({}));
    assert_eq!(status, 200);
    served.comes_to(&batch, &["filed"]);
    let (status, refused) = served.post(&format!("/batches/{batch}/close"), &json!({}));
    assert_eq!((status, &refused["kind"]), (409, &json!("unfinished")), "{refused}");
}

#[test]
fn a_station_told_to_end_stops_the_scanner_and_goes_on_at_the_next_start() {
    let station = Station::new();
    station.lay_in_small(4);
    station.fault_at(3, "hang");
    let profile = station.quick_profile("feeder");
    let profiles = with(&profile[..2], &[]);
    let served = station.serve(&profiles);
    let batch = served.order("quick", "stack-end");
    served.watch(&batch).until(|event| event["page"] == 2);
    assert!(served.terminate().success(), "{}", station.serve_log());

    let served = station.serve(&profiles);
    let paused = served.get(&format!("/batches/{batch}"));
    assert_eq!(
        (&paused["state"], &paused["pause"]["kind"]),
        (&json!("paused"), &json!("station-stopped"))
    );
    assert_eq!(paused["last_page"], 2);
    station.stack_taken_to("0003.hang");
    let (status, _) = served.post(&format!("/batches/{batch}/continue"), &json!({}));
    assert_eq!(status, 200);
    let filed = served.comes_to(&batch, &["filed"]);
    assert_eq!((&filed["pages"], &filed["documents_filed"]), (&json!(4), &json!(1)));
}

#[test]
fn somebody_who_watches_does_not_hold_up_the_end() {
    let station = Station::new();
    station.lay_in_small(1);
    let profile = station.quick_profile("feeder");
    let served = station.serve(&with(&profile[..2], &[]));
    let batch = served.order("quick", "stack-end");
    let watching = served.watch(&batch);
    served.comes_to(&batch, &["filed"]);
    assert!(served.terminate().success());
    assert!(!station.serve_log().contains("broken off"), "{}", station.serve_log());
    assert_eq!(watching.told().last().unwrap()["standing"]["state"], "filed");
}

#[test]
fn counts_that_do_not_balance_are_filed_only_with_a_named_persons_reason() {
    let station = Station::new();
    station.lay_in_small(2);
    let profile = station.quick_profile("feeder");
    let served = station.serve(&with(&profile[..2], &[]));
    let held =
        station.capture(&with(&profile[2..], &["--scanner", "folder:adf", "--expect-sheets", "3"]));
    assert_eq!(held.code, 3, "{}", held.stderr);
    let batch = held.batch();
    assert_eq!(served.get(&format!("/batches/{batch}"))["state"], "held");
    assert_eq!(station.filed("pdf").len(), 0);
    let state = station.path("state").display().to_string();
    let release = ["batch", "release", &batch, "--state", &state, "--reason"];
    let unsaid = station.run(&[&release[..], &[" "]].concat());
    assert_eq!(unsaid.code, 1, "{}", unsaid.stderr);
    let said = station.run(&[&release[..], &["the third sheet is blank"]].concat());
    assert_eq!(said.code, 0, "{}", said.stderr);
    let filed = served.comes_to(&batch, &["filed"]);
    assert_eq!(filed["counts_released"]["reason"], "the third sheet is blank");
    assert_ne!(filed["counts_released"]["by"], "", "{filed}");
}

#[test]
fn a_discarded_batch_keeps_its_pages_and_the_next_one_may_begin() {
    let station = Station::new();
    station.lay_in_small(3);
    station.fault_at(2, "jam");
    let profile = station.quick_profile("feeder");
    let served = station.serve(&with(&profile[..2], &[]));
    let first = served.order("quick", "stack-end");
    served.comes_to(&first, &["paused"]);
    let state = station.path("state").display().to_string();
    let discard = ["batch", "discard", &first, "--state", &state, "--reason", "the wrong stack"];
    let discarded = station.run(&discard);
    assert_eq!(discarded.code, 0, "{}", discarded.stderr);
    assert!(discarded.stdout.contains("the wrong stack"), "{}", discarded.stdout);
    assert!(station.path(&format!("state/spool/{first}/0001.png")).exists());
    let second = served.order("quick", "stack-end");
    let filed = served.comes_to(&second, &["filed"]);
    assert_eq!(filed["pages"], 2);
    let listed = station.run(&["batch", "list", "--state", &state]);
    assert!(listed.stdout.contains("no batch is on its way"), "{}", listed.stdout);
}

#[test]
fn what_a_station_is_asked_wrongly_it_answers_with_what_is_wrong() {
    let station = Station::new();
    let served = station.serve(&[]);
    let none = "20260131-090000-1a2b";
    let order = |body| ("POST", "/batches".to_owned(), Some(body));
    let asked = [
        (404, "not-found", ("GET", "/nothing".to_owned(), None)),
        (404, "not-found", ("GET", "/batches/none".to_owned(), None)),
        (404, "not-found", ("GET", format!("/batches/{none}"), None)),
        (404, "not-found", ("GET", format!("/batches/{none}/events"), None)),
        (404, "not-found", ("POST", format!("/batches/{none}/continue"), Some(json!({})))),
        (
            404,
            "not-found",
            ("POST", format!("/batches/{none}/release"), Some(json!({"reason": "x"}))),
        ),
        (400, "request", ("GET", "/batches?everything=1".to_owned(), None)),
        (400, "request", order(json!({}))),
        (400, "request", order(json!({"profile": "x", "color": "red"}))),
        (422, "settings", order(json!({"profile": "none-such"}))),
        (422, "settings", order(json!({"profile": "plain-pages"}))),
        (
            422,
            "input",
            order(json!({
                "profile": "plain-pages", "repository": station.path("repository"),
                "from": [station.path("nothing")],
            })),
        ),
        (
            503,
            "storage",
            order(json!({
                "profile": "plain-pages", "repository": station.path("state"),
            })),
        ),
    ];
    for (status, kind, (method, path, body)) in asked {
        let (answered, problem) = served.ask(method, &path, body.as_ref());
        assert_eq!((answered, &problem["kind"]), (status, &json!(kind)), "{path}: {problem}");
        assert!(problem["detail"].as_str().is_some_and(|told| !told.is_empty()), "{problem}");
    }
    assert_eq!(served.get("/batches?all=true")["batches"], json!([]), "nothing came of them");
}

#[test]
fn a_second_station_on_the_same_state_folder_is_refused() {
    let station = Station::new();
    let served = station.serve(&[]);
    let state = station.path("state").display().to_string();
    let second = station.run(&["serve", "--state", &state]);
    assert_eq!(second.code, 7, "{}", second.stderr);
    assert!(second.stderr.contains("another outguide is working"), "{}", second.stderr);
    served.get("/health");
}

#[test]
fn pages_laid_on_the_glass_are_asked_for_one_by_one() {
    let station = Station::new();
    station.lay_in_small(3);
    let profiles = station.flatbed_profiles();
    let served = station.serve(&["--profiles", &profiles]);
    let captured = station
        .capture_typing("\n\nc\n", &["--profile", "plain-pages", "--scanner", "folder:flatbed"]);
    assert_eq!(captured.code, 0, "{}{}", captured.stderr, station.serve_log());
    assert_eq!(captured.json()["pages"], 3);
    served.comes_to(&captured.batch(), &["filed"]);
}
