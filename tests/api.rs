//! The API as `openapi.json` tells it to programs: the URL table, every answer,
//! the figures for monitoring, and HTTP on loopback.

mod station;

mod api {
    pub mod schema;
}

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use api::schema::{faults, resolved};
use serde_json::{Value, json};
use station::served::Served;
use station::{Station, page_by_page_profile, with};

const NO_BATCH: &str = "20260131-090000-1a2b";

/// What has not come by then does not come.
const LIMIT: Duration = Duration::from_secs(60);

fn document() -> Value {
    serde_json::from_str(include_str!("../src/web/api/openapi.json")).unwrap()
}

/// `GET /status` and such, with the braces of its parameters.
fn operations(document: &Value) -> BTreeMap<String, &Value> {
    let mut all = BTreeMap::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            all.insert(format!("{} {path}", method.to_uppercase()), operation);
        }
    }
    all
}

/// The same of the URL table's lines, `.route("/path", get(…).post(…))`.
fn routes(source: &str) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for line in source.split(".route(").skip(1) {
        let (path, rest) = line.trim_start().trim_start_matches('"').split_once('"').unwrap();
        let handlers = rest.split("\n        .").next().unwrap();
        for method in ["get", "post", "put", "patch", "delete", "head", "options", "any"] {
            let alone = [format!(" {method}("), format!(".{method}(")];
            if alone.iter().any(|word| handlers.contains(word.as_str())) {
                all.insert(format!("{} {path}", method.to_uppercase()));
            }
        }
    }
    all
}

#[test]
fn the_document_tells_every_route_and_no_other() {
    let told: BTreeSet<String> = operations(&document()).into_keys().collect();
    assert_eq!(told, routes(include_str!("../src/web/mod.rs")));
    assert!(told.contains("POST /batches") && told.contains("GET /batches"), "{told:?}");
}

#[test]
fn the_document_is_whole() {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    let mut ids = BTreeSet::new();
    for (name, operation) in operations(&document) {
        assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{name}");
        let mut in_path = BTreeSet::new();
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let parameter = resolved(&document, parameter);
            if parameter["in"] == "path" {
                in_path.insert(format!("{{{}}}", parameter["name"].as_str().unwrap()));
            }
        }
        let parts: BTreeSet<String> =
            name.split('/').filter(|part| part.starts_with('{')).map(str::to_owned).collect();
        assert_eq!(in_path, parts, "{name}");
        for response in operation["responses"].as_object().unwrap().values() {
            for content in resolved(&document, response)["content"].as_object().unwrap().values() {
                resolved(&document, content.get("schema").unwrap_or(&Value::Null));
            }
        }
    }
    // Nothing is written down that nothing refers to.
    let text = document.to_string();
    for kind in ["schemas", "responses", "parameters"] {
        for name in document["components"][kind].as_object().unwrap().keys() {
            let reference = format!("\"#/components/{kind}/{name}\"");
            assert!(text.contains(&reference), "{reference} is used");
        }
    }
}

#[test]
fn a_body_that_breaks_its_schema_is_caught() {
    let document = json!({"schemas": {"Text": {"type": ["string", "null"], "enum": ["a", null]}}});
    let schema = json!({
        "type": "object", "additionalProperties": false, "required": ["n"],
        "properties": {
            "n": {"type": "integer", "minimum": 1},
            "t": {"$ref": "#/schemas/Text"},
            "l": {"type": "array", "maxItems": 1, "items": {"type": "boolean"}},
            "m": {"type": "object", "additionalProperties": {"type": "string"}},
        },
    });
    let right = [json!({"n": 1}), json!({"n": 2, "t": null, "l": [true], "m": {"x": "y"}})];
    for value in right {
        assert_eq!(faults(&document, &schema, &value), Vec::<String>::new());
    }
    let wrong = [
        json!({}),
        json!([]),
        json!({"n": 1, "other": 1}),
        json!({"n": 0}),
        json!({"n": "1"}),
        json!({"n": 1.5}),
        json!({"n": null}),
        json!({"n": 1, "t": "b"}),
        json!({"n": 1, "l": [1]}),
        json!({"n": 1, "l": [true, true]}),
        json!({"n": 1, "m": {"x": 1}}),
    ];
    for value in wrong {
        assert_eq!(faults(&document, &schema, &value).len(), 1, "{value}");
    }
}

struct Answer {
    status: u16,
    content_type: String,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

fn asked(method: &str, path: &str, headers: &str, body: Option<&Value>) -> String {
    let body = body.map_or(String::new(), Value::to_string);
    format!(
        "{method} {path} HTTP/1.1\r\n{headers}Connection: close\r\nContent-Type: \
         application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Of a stream of events the first data that comes.
fn answer_of(mut connection: impl Read) -> Answer {
    let mut all = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let length = connection.read(&mut piece).unwrap();
        all.extend_from_slice(&piece[..length]);
        let text = String::from_utf8_lossy(&all);
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            assert_ne!(length, 0, "no whole answer: {text}");
            continue;
        };
        let field = |name: &str| {
            let lines = head.lines().filter_map(|line| line.split_once(": "));
            let mut found = lines.filter(|(field, _)| field.eq_ignore_ascii_case(name));
            found.next().map_or(String::new(), |(_, value)| value.to_owned())
        };
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let content_type = field("content-type");
        if content_type == "text/event-stream" {
            let mut data = body.lines().filter_map(|line| line.strip_prefix("data: "));
            if let Some(event) = data.next().filter(|_| body.contains("\n\n")) {
                let body = event.as_bytes().to_vec();
                return Answer { status, content_type, body };
            }
        } else if length == 0 {
            let begin = all.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
            return Answer { status, content_type, body: all.split_off(begin) };
        }
    }
}

/// Asks a station by its socket, and holds each answer to the document.
struct Asker<'s> {
    station: &'s Station,
    document: Value,
    /// Operation and status of each answer.
    seen: BTreeSet<(String, u16)>,
}

impl Asker<'_> {
    fn begin(&self, operation: &str, params: &[&str], body: Option<&Value>) -> UnixStream {
        let (method, path) = operation.split_once(' ').unwrap();
        let mut params = params.iter();
        let mut parts: Vec<&str> = Vec::new();
        for part in path.split('/') {
            parts.push(if part.starts_with('{') { params.next().unwrap() } else { part });
        }
        let query: String = params.filter(|param| param.starts_with('?')).copied().collect();
        let mut socket = UnixStream::connect(self.station.path("state/socket")).unwrap();
        socket.set_read_timeout(Some(LIMIT)).unwrap();
        let request = asked(method, &(parts.join("/") + &query), "Host: station\r\n", body);
        socket.write_all(request.as_bytes()).unwrap();
        socket
    }

    fn ask(&mut self, operation: &str, params: &[&str], body: Option<Value>) -> Answer {
        let socket = self.begin(operation, params, body.as_ref());
        let answer = answer_of(socket);
        if let (Some(body), 200..=299) = (&body, answer.status) {
            let told = &operations(&self.document)[operation]["requestBody"];
            let schema = &told["content"]["application/json"]["schema"];
            assert_eq!(faults(&self.document, schema, body), Vec::<String>::new(), "{operation}");
        }
        self.hold(operation, &answer);
        answer
    }

    /// The document lists the status, and the body is as its schema says.
    fn hold(&mut self, operation: &str, answer: &Answer) {
        let about = || format!("{operation}: {} {}", answer.status, answer.text());
        let told = &operations(&self.document)[operation]["responses"];
        let response = told.get(answer.status.to_string()).unwrap_or_else(|| {
            panic!("the document does not list this status: {}", about());
        });
        let response = resolved(&self.document, response);
        let kind = answer.content_type.split(';').next().unwrap();
        let content = response["content"].get(kind);
        let content = content.unwrap_or_else(|| panic!("{kind} is not told: {}", about()));
        if kind.contains("json") || kind == "text/event-stream" {
            let wrong = faults(&self.document, &content["schema"], &answer.json());
            assert_eq!(wrong, Vec::<String>::new(), "{}", about());
        }
        self.seen.insert((operation.to_owned(), answer.status));
    }
}

/// A batch of the feeder's next sheets that comes to one of these states.
fn batch_in(asker: &mut Asker<'_>, served: &Served<'_>, more: Value, state: &str) -> String {
    let mut order = json!({
        "profile": "quick", "scanner": "folder:adf",
        "repository": asker.station.path("repository"),
    });
    order.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let opened = asker.ask("POST /batches", &[], Some(order));
    assert_eq!(opened.status, 201, "{}", opened.text());
    let batch = opened.json()["id"].as_str().unwrap().to_owned();
    served.comes_to(&batch, &[state]);
    batch
}

/// Every decision about documents, of which each is looked at first.
fn people_decide(asker: &mut Asker<'_>, served: &Served<'_>) {
    let order = json!({"profile": "reviewed", "closed_by": "stack-end"});
    asker.station.lay_in_small(6);
    let batch = batch_in(asker, served, order, "awaiting-review");
    let due = asker.ask("GET /reviews", &[], None).json();
    assert_eq!(due["documents"].as_array().unwrap().len(), 2, "{due}");
    let of = |what: &str| format!("POST /batches/{{batch}}/documents/{{document}}/{what}");
    let reason = || Some(json!({"reason": "looked at"}));
    let orders = [
        (404, of("release"), "9", None, "awaiting-review"),
        (409, of("withdraw"), "1", reason(), "awaiting-review"),
        (200, of("release"), "1", None, "awaiting-review"),
        (409, of("release"), "1", None, "awaiting-review"),
        (400, of("send-back"), "2", Some(json!({"reason": " "})), "awaiting-review"),
        (200, of("send-back"), "2", reason(), "in-question"),
        (422, of("correct"), "1", reason(), "in-question"),
        (400, of("correct"), "1", Some(json!({"colour": "red"})), "in-question"),
        (
            200,
            of("correct"),
            "1",
            Some(json!({"fields": {"mrn": "7"}, "reason": "x"})),
            "in-question",
        ),
        (200, of("withdraw"), "1", reason(), "in-question"),
        (409, of("withdraw"), "1", reason(), "in-question"),
    ];
    for (status, operation, document, body, state) in orders {
        let answer = asker.ask(&operation, &[&batch, document], body);
        assert_eq!(answer.status, status, "{operation} {document}: {}", answer.text());
        served.comes_to(&batch, &[state]);
    }
    for (status, version) in [(409, "?version=2"), (400, "?version=0"), (400, "?version=x")] {
        let asked = asker.ask(&of("withdraw"), &[&batch, "1", version], reason());
        assert_eq!(asked.status, status, "{version}: {}", asked.text());
    }
    let answer = "POST /batches/{batch}/questions/{question}/answer";
    let wrong = json!({"answer": "document", "document_type": "XRAY", "fields": {}});
    assert_eq!(asker.ask(answer, &[&batch, "1"], Some(wrong)).status, 422);
    let aside = json!({"answer": "not-of-the-record", "pages": [2], "reason": "a blank form"});
    assert_eq!(asker.ask(answer, &[&batch, "1"], Some(aside)).status, 200);
    let document = json!({"answer": "document", "document_type": "DOC"});
    assert_eq!(asker.ask(answer, &[&batch, "2"], Some(document)).status, 200);
    served.comes_to(&batch, &["filed"]);
}

#[test]
fn every_answer_is_as_the_document_says() {
    let station = Station::new();
    let profile = station.quick_profile("feeder");
    let reviewed = page_by_page_profile().replace("review = \"none\"", "review = \"all\"");
    std::fs::write(station.path("profiles/reviewed.toml"), reviewed).unwrap();
    let served = station.serve(&with(&profile[..2], &[]));
    let mut asker = Asker { station: &station, document: document(), seen: BTreeSet::new() };

    let watching = asker.begin("GET /events", &[], None);
    station.lay_in_small(2);
    let filed = batch_in(&mut asker, &served, json!({"closed_by": "stack-end"}), "filed");
    let event = answer_of(watching);
    asker.hold("GET /events", &event);
    station.lay_in_small(4);
    let three = json!({"closed_by": "stack-end", "expect_sheets": 3});
    let held = batch_in(&mut asker, &served, three, "held");
    people_decide(&mut asker, &served);
    station.lay_in_small(8);
    let paused = batch_in(&mut asker, &served, json!({}), "paused");

    let told: Vec<String> = operations(&asker.document).into_keys().collect();
    let of_station = told.iter().filter(|name| name.starts_with("GET") && !name.contains('{'));
    for operation in of_station.filter(|name| *name != "GET /events") {
        assert_eq!(asker.ask(operation, &[], None).status, 200, "{operation}");
    }
    let all = asker.ask("GET /batches", &["?all=true"], None).json();
    assert_eq!(all["batches"].as_array().unwrap().len(), 4, "those that are filed too");
    asker.ask("GET /batches", &["?all=perhaps"], None);
    for operation in told.iter().filter(|name| name.starts_with("GET") && name.contains('{')) {
        for (batch, status) in
            [(&filed, 200), (&held, 200), (&paused, 200), (&NO_BATCH.into(), 404)]
        {
            let answer = asker.ask(operation, &[batch, "1"], None);
            assert_eq!(answer.status, status, "{operation}: {}", answer.text());
        }
    }
    let image = "GET /batches/{batch}/pages/{page}/image";
    let narrow = asker.ask(image, &[&filed, "2", "?width=60"], None);
    assert_eq!(image::load_from_memory(&narrow.body).unwrap().width(), 60);
    asker.ask(image, &[&filed, "2", "?width=wide"], None);
    asker.ask(image, &[&filed, "77"], None);

    let orders: &[(u16, &str, &[&str], Value)] = &[
        (409, "POST /batches", &[], json!({"profile": "quick", "repository": "/nowhere/at/all"})),
        (422, "POST /batches", &[], json!({"profile": "none-such"})),
        (400, "POST /batches", &[], json!({})),
        (400, "POST /batches", &[], json!({"profile": "quick", "colour": "red"})),
        (200, "POST /batches/{batch}/pause", &[&paused], Value::Null),
        (409, "POST /batches/{batch}/pause", &[&filed], Value::Null),
        (409, "POST /batches/{batch}/continue", &[&filed], json!({})),
        (200, "POST /batches/{batch}/continue", &[&paused], json!({"scanner": null, "set": []})),
        (409, "POST /batches/{batch}/close", &[&held], json!({})),
        (400, "POST /batches/{batch}/release", &[&held], json!({"reason": " "})),
        (200, "POST /batches/{batch}/release", &[&held], json!({"reason": "it was blank"})),
        (409, "POST /batches/{batch}/release", &[&filed], json!({"reason": "why not"})),
        (409, "POST /batches/{batch}/discard", &[&filed], json!({"reason": "the wrong one"})),
    ];
    for (status, operation, params, body) in orders {
        if *operation == "POST /batches/{batch}/continue" && *status == 200 {
            station.lay_in_small(10);
        }
        let answer =
            asker.ask(operation, params, Some(body.clone()).filter(|body| !body.is_null()));
        assert_eq!(answer.status, *status, "{operation} {params:?}: {}", answer.text());
    }
    served.comes_to(&paused, &["paused"]);
    asker.ask("POST /batches/{batch}/close", &[&paused], Some(json!({"expect_sheets": 9})));
    served.comes_to(&paused, &["held"]);
    let wrong = json!({"reason": "the wrong stack"});
    asker.ask("POST /batches/{batch}/discard", &[&paused], Some(wrong));
    collated(&mut asker, &served);
    // Its originals were kept as long as its profile says.
    station.database(&format!(
        "INSERT INTO purge (batch_id, at, after_days) VALUES ('{filed}', '2026-05-01T09:00:00Z', 90)"
    ));
    let removed = asker.ask(image, &[&filed, "2"], None);
    assert_eq!((removed.status, &removed.json()["kind"]), (410, &json!("removed")));
    let detail = removed.json()["detail"].to_string();
    assert!(detail.contains("2026-05-01") && detail.contains("90 days"), "{detail}");
    let none = |name: &&String| name.starts_with("POST") && name.contains('{');
    for operation in told.iter().filter(none) {
        let body = match operation.rsplit('/').next().unwrap() {
            "release" | "discard" | "send-back" | "withdraw" | "correct" => json!({"reason": "x"}),
            "answer" => json!({"answer": "as-it-should-be", "reason": "x"}),
            _ => json!({}),
        };
        assert_eq!(asker.ask(operation, &[NO_BATCH, "1"], Some(body)).status, 404, "{operation}");
    }
    for operation in &told {
        let answered = [200, 201].iter().any(|ok| asker.seen.contains(&(operation.clone(), *ok)));
        assert!(answered, "{operation} was answered as it is meant to be");
    }
}

/// A stack whose sides come in two passes.
fn collated(asker: &mut Asker<'_>, served: &Served<'_>) {
    let station = asker.station;
    let folder = station.path("profiles");
    let quick = std::fs::read_to_string(folder.join("quick.toml")).unwrap();
    let two_passes = quick.replace("\"feeder\"", "\"feeder-manual-duplex\"");
    std::fs::write(folder.join("two-passes.toml"), two_passes).unwrap();
    let the_feeder_holds = |pages| {
        for entry in std::fs::read_dir(station.path("feeder")).unwrap() {
            std::fs::remove_file(entry.unwrap().path()).unwrap();
        }
        station.lay_in_small(pages);
        station.stack_taken_to("");
    };
    the_feeder_holds(1);
    let batch = batch_in(asker, served, json!({"profile": "two-passes"}), "paused");
    let refused = asker.ask("POST /batches/{batch}/collate", &[&batch], None);
    assert_eq!(refused.status, 409, "{}", refused.text());
    for (backs, sides) in [(2, json!(null)), (1, json!("backs-again"))] {
        the_feeder_holds(backs);
        let order = Some(json!({"sides": sides}));
        let went_on = asker.ask("POST /batches/{batch}/continue", &[&batch], order);
        assert_eq!(went_on.status, 200, "{}", went_on.text());
        served.comes_to(&batch, &["paused"]);
        assert_eq!(asker.ask("GET /batches/{batch}", &[&batch], None).status, 200);
    }
    let collated = asker.ask("POST /batches/{batch}/collate", &[&batch], None);
    assert_eq!(collated.status, 200, "{}", collated.text());
    served.comes_to(&batch, &["filed"]);
}

fn figure(metrics: &str, name: &str) -> f64 {
    let mut lines = metrics.lines().filter_map(|line| line.rsplit_once(' '));
    let (_, value) = lines.find(|(told, _)| *told == name).unwrap_or_else(|| panic!("{metrics}"));
    value.parse().unwrap()
}

#[test]
fn the_figures_tell_what_is_due_what_was_done_and_nothing_of_the_paper() {
    let station = Station::new();
    let profile = station.quick_profile("feeder");
    let served = station.serve(&with(&profile[..2], &[]));
    let mut asker = Asker { station: &station, document: document(), seen: BTreeSet::new() };
    let fresh = asker.ask("GET /metrics", &[], None).text();
    for name in ["outguide_pages_kept_total", "outguide_batches{state=\"filed\"}"] {
        assert_eq!(figure(&fresh, name), 0.0, "{fresh}");
    }
    station.lay_in_small(2);
    batch_in(&mut asker, &served, json!({"closed_by": "stack-end"}), "filed");
    station.lay_in_small(5);
    batch_in(&mut asker, &served, json!({}), "paused");

    let metrics = asker.ask("GET /metrics", &[], None);
    assert_eq!(metrics.content_type, "text/plain; version=0.0.4");
    let metrics = metrics.text();
    for (name, expected) in [
        ("outguide_pages_kept_total", 5.0),
        ("outguide_documents_filed_total", 1.0),
        ("outguide_batches{state=\"filed\"}", 1.0),
        ("outguide_batches{state=\"paused\"}", 1.0),
        ("outguide_batches{state=\"held\"}", 0.0),
        ("outguide_steps_due{step=\"separate\"}", 0.0),
        ("outguide_steps_due{step=\"file\"}", 0.0),
        ("outguide_steps_failed", 0.0),
        ("outguide_batch_at_the_scanner", 0.0),
    ] {
        assert_eq!(figure(&metrics, name), expected, "{name}: {metrics}");
    }
    let read = figure(&metrics, "outguide_pages_read_total");
    let due = figure(&metrics, "outguide_steps_due{step=\"read\"}");
    assert!(read >= 2.0 && due <= 3.0, "{metrics}");
    assert!(figure(&metrics, "outguide_spool_free_bytes") > 0.0);
    assert!(figure(&metrics, "process_start_time_seconds") > 1.7e9);
    for line in metrics.lines() {
        let known = line.starts_with("# ") || line.starts_with("outguide_");
        assert!(known || line.starts_with("process_start_time_seconds "), "{line}");
    }
    let mut names: Vec<&str> =
        metrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
    let all = names.len();
    names.dedup();
    assert_eq!(names.len(), all);
}

/// Where a station with HTTP on a port of the system's choice listens, and its token.
fn over_http<'s>(station: &'s Station, more: &[&str]) -> (Served<'s>, String, String) {
    let settings = station.path("station.toml");
    std::fs::write(&settings, "[serve]\nhttp = \"127.0.0.1:0\"\n").unwrap();
    let settings = settings.display().to_string();
    let served = station.serve(&[&["--station", &settings], more].concat());
    let read = |name: &str| std::fs::read_to_string(station.path(name)).unwrap();
    let (address, token) = (read("state/http-address"), read("state/http-token"));
    (served, address, token)
}

fn ask_at(address: &str, request: &str) -> Answer {
    let mut connection = TcpStream::connect(address).unwrap();
    connection.set_read_timeout(Some(LIMIT)).unwrap();
    connection.write_all(request.as_bytes()).unwrap();
    answer_of(connection)
}

#[test]
fn over_http_only_the_token_opens_and_only_under_this_machines_names() {
    let station = Station::new();
    let (_served, address, token) = over_http(&station, &[]);
    assert!(station.serve_log().contains(&address), "the log tells where");
    let mode = std::fs::metadata(station.path("state/http-token")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(token.len() == 64 && token.bytes().all(|byte| byte.is_ascii_hexdigit()), "{token}");
    assert!(!station.serve_log().contains(&token), "the log does not tell the token");

    let mut wrong = token.clone();
    wrong.replace_range(63.., if token.ends_with('0') { "1" } else { "0" });
    let host = format!("Host: {address}\r\n");
    let with_token = |token: &str| format!("{host}Authorization: Bearer {token}\r\n");
    let elsewhere = |name: &str| format!("Host: {name}\r\nAuthorization: Bearer {token}\r\n");
    let status = "/status";
    let asked_for: &[(u16, &str, String)] = &[
        (200, status, with_token(&token)),
        (200, "/openapi.json", with_token(&token)),
        (200, "/metrics", elsewhere("localhost")),
        (200, "/health", host.clone()),
        (401, status, host.clone()),
        (401, status, with_token(&wrong)),
        (401, status, with_token("")),
        (401, status, with_token(&token[..63])),
        (401, status, format!("{host}Authorization: Basic {token}\r\n")),
        (401, status, with_token(&token) + &format!("Authorization: Bearer {wrong}\r\n")),
        (401, "/openapi.json", host.clone()),
        (401, "/metrics", host.clone()),
        (401, "/nothing", host.clone()),
        (401, "/health/", host.clone()),
        (404, "/nothing", with_token(&token)),
        (405, "/batches/20260131-090000-1a2b/pause", with_token(&token)),
        (403, status, elsewhere("records.example.org")),
        (403, status, elsewhere("127.0.0.1.example.org:8632")),
        (403, status, String::new() + &format!("Authorization: Bearer {token}\r\n")),
        (403, "/health", "Host: records.example.org\r\n".to_owned()),
        (403, "http://records.example.org/status", with_token(&token)),
    ];
    for (expected, path, headers) in asked_for {
        let answer = ask_at(&address, &asked("GET", path, headers, None));
        assert_eq!(answer.status, *expected, "{path} {headers}: {}", answer.text());
        if *expected >= 400 {
            assert_eq!(answer.content_type, "application/problem+json", "{path}");
            let document = document();
            let schema = &document["components"]["schemas"]["Problem"];
            assert_eq!(faults(&document, schema, &answer.json()), Vec::<String>::new());
            assert!(!answer.text().contains(&token));
        }
    }
}

#[test]
fn who_orders_over_http_is_told_as_token_and_lends_no_files() {
    let station = Station::new();
    let profile = station.quick_profile("feeder");
    let (served, address, token) = over_http(&station, &with(&profile[..2], &[]));
    let headers = format!("Host: localhost\r\nAuthorization: Bearer {token}\r\n");
    let order =
        |path: &str, body: Value| ask_at(&address, &asked("POST", path, &headers, Some(&body)));
    station.lay_in_small(2);
    let repository = station.path("repository");
    let opened = order(
        "/batches",
        json!({"profile": "quick", "scanner": "folder:adf", "repository": repository,
               "expect_sheets": 3, "closed_by": "stack-end"}),
    );
    assert_eq!(opened.status, 201, "{}", opened.text());
    let batch = opened.json()["id"].as_str().unwrap().to_owned();
    served.comes_to(&batch, &["held"]);
    let released = order(&format!("/batches/{batch}/release"), json!({"reason": "it was blank"}));
    assert_eq!(released.json()["counts_released"]["by"], "token", "{}", released.text());
    let lent = order("/batches", json!({"profile": "quick", "from": ["/etc/shadow"]}));
    assert_eq!((lent.status, &lent.json()["kind"]), (403, &json!("not-allowed")));
    // Its body is not waited for.
    let length = format!("{headers}Content-Length: 1048577\r\n\r\n");
    let large =
        ask_at(&address, &format!("POST /batches HTTP/1.1\r\nConnection: close\r\n{length}"));
    assert_eq!((large.status, &large.json()["kind"]), (413, &json!("too-large")));
}

#[test]
fn a_station_that_would_give_itself_away_does_not_start() {
    let station = Station::new();
    let settings = station.path("station.toml").display().to_string();
    let state = station.path("state").display().to_string();
    let start = |http: &str| {
        std::fs::write(&settings, format!("[serve]\nhttp = \"{http}\"\n")).unwrap();
        station.run(&["serve", "--state", &state, "--station", &settings])
    };
    for http in ["0.0.0.0:0", "192.0.2.1:8632", "[::]:0"] {
        let refused = start(http);
        assert_ne!(refused.code, 0);
        assert!(refused.stderr.contains("others would read along"), "{}", refused.stderr);
    }
    assert!(!station.path("state/http-address").exists());

    let (served, _, token) = over_http(&station, &[]);
    assert!(served.terminate().success());
    let file = station.path("state/http-token");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
    let refused = start("127.0.0.1:0");
    assert_ne!(refused.code, 0);
    assert!(refused.stderr.contains("may be used by others (mode 640)"), "{}", refused.stderr);
    assert!(!refused.stderr.contains(&token));
    assert!(!station.path("state/http-address").exists(), "of the start before");

    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let (_served, _, same) = over_http(&station, &[]);
    assert_eq!(same, token, "a token lasts");
}
