//! Stations that share a PostgreSQL database and a spool, and a node that only
//! reads: every page is read once, whoever dies, and whatever the database does.

mod postgres;
mod station;

use postgres::PostgresServer;
use serde_json::json;
use station::{Station, page_by_page_profile};

/// Counts how often each page was read.
const COUNT_READS: &str = "CREATE TABLE reads (batch_id TEXT, page_no BIGINT);
    CREATE FUNCTION count_read() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN INSERT INTO reads VALUES (NEW.batch_id, NEW.page_no); RETURN NEW; END; $$;
    CREATE TRIGGER count_read AFTER INSERT OR UPDATE ON page_outcome
    FOR EACH ROW EXECUTE FUNCTION count_read();";

const PAGES: u64 = 8;

/// One hospital: desks and nodes with folders of their own, one spool for all.
struct Hospital {
    server: PostgresServer,
    spool: tempfile::TempDir,
}

impl Hospital {
    fn open() -> Option<Self> {
        let server = PostgresServer::start()?;
        server.new_database("outguide");
        Some(Hospital { server, spool: tempfile::tempdir().unwrap() })
    }

    /// A desk with pages in its feeder, or a node, and the arguments it is
    /// started with.
    fn station(&self, id: &str) -> (Station, Vec<String>) {
        let station = Station::new();
        station.lay_in_small(PAGES as usize);
        let url = self.server.url("outguide").with_its_password().to_owned();
        let settings = format!(
            "[station]\nid = \"{id}\"\nshared_spool = \"{}\"\n\
             [store]\nurl = \"{url}\"\nlease_seconds = 15\n[ocr]\nworkers = 1\n",
            self.spool.path().display()
        );
        std::fs::write(station.path("station.toml"), settings).unwrap();
        std::fs::create_dir(station.path("profiles")).unwrap();
        std::fs::write(station.path("profiles/shared.toml"), page_by_page_profile()).unwrap();
        let path = |name| station.path(name).display().to_string();
        let args =
            ["--station", &path("station.toml"), "--profiles", &path("profiles")].map(String::from);
        (station, args.to_vec())
    }
}

fn with(args: &[String], more: &[&'static str]) -> Vec<String> {
    args.iter().cloned().chain(more.iter().map(|arg| (*arg).to_owned())).collect()
}

fn strs(args: &[String]) -> Vec<&str> {
    args.iter().map(String::as_str).collect()
}

#[test]
fn two_desks_and_a_reading_node_read_every_page_once_and_one_that_dies_is_replaced() {
    let Some(hospital) = Hospital::open() else { return };
    let (desk_a, args_a) = hospital.station("desk-a");
    let (desk_b, args_b) = hospital.station("desk-b");
    let (node, args_node) = hospital.station("node");
    let served_a = desk_a.serve(&strs(&args_a));
    hospital.server.run_sql("outguide", COUNT_READS);
    let served_b = desk_b.serve(&strs(&args_b));
    let reading = node.serve(&strs(&with(&args_node, &["--role", "ocr"])));
    let (status, refused) = reading
        .post("/batches", &json!({"profile": "shared", "repository": node.path("repository")}));
    assert_eq!((status, &refused["kind"]), (403, &json!("not-allowed")), "{refused}");

    let batch_a = served_a.order("shared", "stack-end");
    let batch_b = served_b.order("shared", "stack-end");
    let (status, refused) = served_b.post(&format!("/batches/{batch_a}/pause"), &json!(null));
    assert_eq!(status, 409, "{refused}");
    // The node dies with whatever it has claimed at this moment.
    served_a
        .watch(&batch_a)
        .until(|event| event["event"] == "page-read" || event["standing"]["pages_read"] != 0);
    reading.kill();
    for (served, batch) in [(&served_a, &batch_a), (&served_b, &batch_b)] {
        let filed = served.comes_to(batch, &["filed"]);
        assert_eq!(
            (&filed["pages_read"], &filed["documents_filed"]),
            (&json!(PAGES), &json!(PAGES))
        );
    }
    let reads = hospital.server.run_sql(
        "outguide",
        "SELECT count(*) || ' ' || count(DISTINCT (batch_id, page_no)) FROM reads",
    );
    assert_eq!(reads.trim(), format!("{0} {0}", 2 * PAGES));
    assert_eq!(desk_a.filed("pdf").len() as u64, PAGES);
    assert_eq!(desk_b.filed("pdf").len() as u64, PAGES);
}

#[test]
fn a_database_that_restarts_in_the_middle_costs_nothing_that_was_kept() {
    let Some(mut hospital) = Hospital::open() else { return };
    let (desk, args) = hospital.station("desk-a");
    desk.fault_at(5, "jam");
    let served = desk.serve(&strs(&args));
    let batch = served.order("shared", "stack-end");
    served.comes_to(&batch, &["paused"]);
    hospital.server.go_down();
    let (status, told) = served.post(&format!("/batches/{batch}/continue"), &json!({}));
    assert_eq!((status, &told["kind"]), (503, &json!("storage")), "{told}");
    let (status, _) = served.ask("GET", "/health", None);
    assert_eq!(status, 503);
    hospital.server.go_up();
    let (status, told) = served.post(&format!("/batches/{batch}/continue"), &json!({}));
    assert_eq!(status, 200, "{told}");
    // Once more, at whatever it is just doing; a clerk continues what stopped.
    served
        .watch(&batch)
        .until(|event| event["event"] == "page-kept" || event["standing"]["pages"] != 4);
    hospital.server.go_down();
    hospital.server.go_up();
    let standing = served.comes_to(&batch, &["filed", "paused"]);
    if standing["state"] == "paused" {
        let last = standing["last_page"].as_u64().unwrap();
        // The jam is cleared, and does not come again.
        let taken = if last == 4 { "0005.jam".to_owned() } else { format!("{last:04}.pgm") };
        desk.stack_taken_to(&taken);
        let what = if last == PAGES { "close" } else { "continue" };
        let (status, told) = served.post(&format!("/batches/{batch}/{what}"), &json!({}));
        assert_eq!(status, 200, "{told}");
    }
    let filed = served.comes_to(&batch, &["filed"]);
    assert_eq!((&filed["pages"], &filed["documents_filed"]), (&json!(PAGES), &json!(PAGES)));
    assert_eq!(desk.filed("pdf").len() as u64, PAGES);
}

#[test]
fn a_reading_node_without_what_it_shares_says_what_it_needs() {
    let station = Station::new();
    let state = station.path("state").display().to_string();
    let refused = station.run(&["serve", "--role", "ocr", "--state", &state]);
    assert_eq!(refused.code, 7, "{}", refused.stderr);
    assert!(refused.stderr.contains("shared_spool"), "{}", refused.stderr);
}
