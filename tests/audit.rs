//! Who did what: a row for each act, in a chain that shows what was changed,
//! taken out or cut off.

mod station;

use serde_json::{Value, json};
use station::{Ran, Station};

fn audit(station: &Station, what: &str) -> Ran {
    let state = station.path("state").display().to_string();
    let mut args = vec!["audit", what, "--state", &state];
    if what == "verify" {
        args.push("--json");
    }
    station.run(&args)
}

fn rows(station: &Station) -> Vec<Value> {
    let exported = audit(station, "export");
    assert_eq!(exported.code, 0, "{}", exported.stderr);
    exported.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Two pages scanned with a jam between them, looked at, closed and filed.
fn a_day() -> Station {
    let station = Station::new();
    station.lay_in_small(2);
    station.fault_at(2, "jam");
    let profile = station.quick_profile("feeder");
    let served = station.serve(&["--profiles", &profile[1]]);
    let batch = served.order("quick", "clerk");
    served.comes_to(&batch, &["paused"]);
    let (status, _) = served.ask("GET", &format!("/batches/{batch}/pages/1/image"), None);
    assert_eq!(status, 200);
    let post = |what: &str, body| {
        let (status, told) = served.post(&format!("/batches/{batch}/{what}"), &body);
        assert_eq!(status, 200, "{told}");
    };
    post("continue", json!({}));
    served.watch(&batch).until(|event| {
        event["standing"]["pause"]["kind"] == "stack-end"
            && event["standing"]["at_the_scanner"] == false
    });
    post("close", json!({}));
    served.comes_to(&batch, &["filed"]);
    assert!(served.terminate().success());
    station
}

#[test]
fn every_act_has_its_row_with_who_and_what() {
    let station = a_day();
    let rows = rows(&station);
    let told = |action: &str| rows.iter().filter(|row| row["action"] == action).collect::<Vec<_>>();
    for (action, times) in [
        ("open-batch", 1),
        ("scan-page", 2),
        ("pause-batch", 2),
        ("view-page", 1),
        ("continue-batch", 2),
        ("close-batch", 1),
        ("separate-batch", 1),
        ("file-document", 1),
    ] {
        assert_eq!(told(action).len(), times, "{action}: {rows:#?}");
    }
    for by_a_person in ["open-batch", "scan-page", "view-page", "continue-batch", "close-batch"] {
        for row in told(by_a_person) {
            assert!(row["actor"] != "station" && row["actor"] != "", "{row}");
        }
    }
    for by_itself in ["separate-batch", "file-document"] {
        assert_eq!(told(by_itself)[0]["actor"], "station");
    }
    let whole = audit(&station, "verify");
    assert_eq!((whole.code, &whole.json()["sound"]), (0, &json!(true)), "{}", whole.stdout);
    assert_eq!(whole.json()["stations"][0]["rows"], rows.len());
}

#[test]
fn the_database_itself_refuses_to_change_or_delete_a_row() {
    let station = a_day();
    for statement in ["UPDATE audit SET actor = 'nobody'", "DELETE FROM audit WHERE no = 3"] {
        let refused = std::panic::catch_unwind(|| station.database(statement));
        assert!(refused.is_err(), "{statement}");
    }
}

#[test]
fn one_changed_letter_one_missing_row_and_a_cut_tail_are_found() {
    let tampered = [
        ("UPDATE audit SET detail = 'x' WHERE no = 3", "changed", 3),
        // Whoever changes a row knows how its hash is made, but not the next one's.
        (
            "UPDATE audit SET hash = CASE substr(hash, 1, 1) WHEN '0' THEN '1' ELSE '0' END \
             || substr(hash, 2) WHERE no = 4",
            "changed",
            4,
        ),
        ("DELETE FROM audit WHERE no = 5", "gap", 5),
        (
            "DELETE FROM audit WHERE no > 6; \
             UPDATE audit_head SET no = 6, hash = (SELECT hash FROM audit WHERE no = 6)",
            "cut-off",
            6,
        ),
        ("DELETE FROM audit; DELETE FROM audit_head", "cut-off", 0),
    ];
    let day = a_day();
    let database = std::fs::read(day.path("state/outguide.db")).unwrap();
    for (statement, kind, at) in tampered {
        std::fs::write(day.path("state/outguide.db"), &database).unwrap();
        day.database(&format!(
            "DROP TRIGGER audit_row_is_not_changed; DROP TRIGGER audit_row_is_not_deleted; \
             {statement}"
        ));
        let found = audit(&day, "verify");
        assert_eq!(found.code, 10, "{statement}: {}", found.stdout);
        let problems = found.json()["stations"][0]["problems"].as_array().unwrap().clone();
        let is_it = |problem: &Value| {
            problem["kind"] == kind
                && ["no", "next", "last"]
                    .iter()
                    .any(|place| problem[place].as_u64().is_some_and(|no| no == at || no == at + 1))
        };
        assert!(problems.iter().any(is_it), "{statement}: {problems:?}");
    }
}

#[test]
fn capture_without_a_station_leaves_the_same_record() {
    let station = Station::new();
    station.lay_in_small(2);
    let profile = station.quick_profile("feeder");
    let args: Vec<&str> =
        profile.iter().map(String::as_str).chain(["--scanner", "folder:adf"]).collect();
    assert_eq!(station.capture(&args).code, 0);
    let rows = rows(&station);
    assert!(rows.iter().any(|row| row["action"] == "file-document"), "{rows:#?}");
    assert_eq!(audit(&station, "verify").code, 0);
    // The end is noted outside the database when the command ends.
    let noted = std::fs::read_to_string(station.path("state/audit-head.json")).unwrap();
    let noted: Value = serde_json::from_str(&noted).unwrap();
    assert_eq!(noted["no"], rows.len());
}
