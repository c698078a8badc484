//! What the repository does with documents it was given, noticed and told.

mod station;

use serde_json::{Value, json};
use station::{Station, page_by_page_profile};

/// A station whose repository takes documents away, and says what is wrong.
fn station() -> (Station, Vec<String>) {
    let station = Station::new();
    let profiles = station.path("profiles");
    std::fs::create_dir_all(&profiles).unwrap();
    std::fs::write(profiles.join("quick.toml"), page_by_page_profile()).unwrap();
    let settings = station.path("station.toml");
    std::fs::write(&settings, "[repository]\ntakes_away = true\nerror_ending = \".error\"\n")
        .unwrap();
    let paths = [settings, profiles].map(|path| path.display().to_string());
    let options = ["--station", &paths[0], "--profiles", &paths[1]].map(str::to_owned);
    (station, options.into())
}

#[test]
fn what_the_repository_took_and_what_it_refused_is_told() {
    let (station, options) = station();
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    station.lay_in_small(3);
    let served = station.serve(&options);
    let batch = served.order("quick", "stack-end");
    served.comes_to(&batch, &["filed"]);
    let given = served.get("/backlog")["given"].clone();
    assert_eq!((&given["waiting"], &given["refused"]), (&json!(3), &json!([])), "{given}");
    assert!(served.terminate().success());

    let of =
        |page: u32, ending: &str| station.path(&format!("repository/{batch}-{page:04}{ending}"));
    for ending in [".pdf", ".json"] {
        std::fs::remove_file(of(1, ending)).unwrap();
        std::fs::rename(of(2, ending), station.path("elsewhere")).unwrap();
    }
    std::fs::write(of(2, ".pdf.error"), "no such document type\r\n").unwrap();

    // A station looks as it starts, and then every half minute.
    let served = station.serve(&options);
    let given = loop {
        let given = served.get("/backlog")["given"].clone();
        if given["waiting"] == 2 && given["refused"] != json!([]) {
            break given;
        }
        std::thread::yield_now();
    };
    let refused = json!([{"document": format!("{batch}-0002"), "said": "no such document type"}]);
    assert_eq!(given["refused"], refused);
    let state = station.path("state").display().to_string();
    let told = station.run(&["backlog", "--state", &state]).stdout;
    assert!(told.contains("2 documents") && told.contains("no such document type"), "{told}");

    // What was wrong is put right by a correction, which is looked for anew.
    let path = format!("/batches/{batch}/documents/2/correct");
    let correction = json!({"fields": {"mrn": "0012345"}, "reason": "it had no number"});
    assert_eq!(served.post(&path, &correction).0, 200);
    served.comes_to(&batch, &["filed"]);
    let given = served.get("/backlog")["given"].clone();
    assert_eq!((&given["waiting"], &given["refused"]), (&json!(2), &json!([])), "{given}");
    assert!(served.terminate().success());
    let audit = station.run(&["audit", "export", "--state", &state]).stdout;
    let rows = audit.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let said: Vec<Value> = rows
        .filter(|row| row["action"] == "take-document" || row["action"] == "refuse-document")
        .map(|row| json!([row["action"], row["page"], row["actor"]]))
        .collect();
    assert_eq!(
        said,
        [json!(["take-document", 1, "station"]), json!(["refuse-document", 2, "station"])]
    );
}

#[test]
fn a_repository_that_is_away_has_taken_nothing() {
    let (station, options) = station();
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    station.lay_in_small(1);
    let served = station.serve(&options);
    let batch = served.order("quick", "stack-end");
    served.comes_to(&batch, &["filed"]);
    assert!(served.terminate().success());
    std::fs::rename(station.path("repository"), station.path("away")).unwrap();
    let served = station.serve(&options);
    assert_eq!(served.get("/backlog")["given"]["waiting"], 1);
    assert!(served.terminate().success(), "the look at the start is over by then");
    std::fs::rename(station.path("away"), station.path("repository")).unwrap();
    let served = station.serve(&options);
    assert_eq!(served.get("/backlog")["given"]["waiting"], 1);
}
