//! The API for other machines: over TLS, with the station's certificate and the
//! token, and asked by somebody else's program (curl).

mod station;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use station::Station;

/// A certificate that signs itself, for localhost, and its key.
fn certificate(folder: &Path, name: &str) -> (PathBuf, PathBuf) {
    let (certificate, key) =
        (folder.join(format!("{name}.crt")), folder.join(format!("{name}.key")));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"])
        .args(["-nodes", "-days", "2", "-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=DNS:localhost,DNS:records-1.example"])
        .arg("-out")
        .arg(&certificate)
        .arg("-keyout")
        .arg(&key)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o640)).unwrap();
    (certificate, key)
}

fn settings(station: &Station, certificate: &Path, key: &Path) -> String {
    let settings = station.path("station.toml");
    let text = format!(
        "[serve]\nhttps = \"127.0.0.1:0\"\ncertificate = \"{}\"\ncertificate_key = \"{}\"\n",
        certificate.display(),
        key.display()
    );
    std::fs::write(&settings, text).unwrap();
    settings.display().to_string()
}

/// curl's exit code, the status and the body.
fn curl(trusted: &Path, port: &str, name: &str, token: &str) -> (i32, String, Value) {
    let asked = Command::new("curl")
        .args(["--silent", "--max-time", "20", "--write-out", "\n%{http_code}", "--cacert"])
        .arg(trusted)
        .args(["--resolve", &format!("{name}:{port}:127.0.0.1")])
        .args(["--header", &format!("Authorization: Bearer {token}")])
        .arg(format!("https://{name}:{port}/status"))
        .output()
        .unwrap();
    let told = String::from_utf8(asked.stdout).unwrap();
    let (body, status) = told.rsplit_once('\n').unwrap();
    let body = serde_json::from_str(body).unwrap_or(Value::Null);
    (asked.status.code().unwrap(), status.to_owned(), body)
}

#[test]
fn other_machines_come_over_tls_with_the_token_and_under_the_certificates_names() {
    let station = Station::new();
    let (certificate, key) = certificate(&station.path(""), "own");
    let (another, _) = self::certificate(&station.path(""), "another");
    let settings = settings(&station, &certificate, &key);
    let served = station.serve(&["--station", &settings]);
    let read = |name: &str| std::fs::read_to_string(station.path(name)).unwrap().trim().to_owned();
    let (address, token) = (read("state/https-address"), read("state/http-token"));
    let (_, port) = address.rsplit_once(':').unwrap();

    // Programs that never speak hold up nobody else.
    let silent: Vec<TcpStream> = (0..200).map(|_| TcpStream::connect(&address).unwrap()).collect();
    let (code, status, body) = curl(&certificate, port, "records-1.example", &token);
    assert_eq!((code, status.as_str()), (0, "200"), "{body}");
    assert_eq!(body["id"], json!("station"));
    let (code, status, body) = curl(&certificate, port, "localhost", "wrong");
    assert_eq!((code, status.as_str(), &body["kind"]), (0, "401", &json!("no-token")));
    let (code, _, _) = curl(&another, port, "localhost", &token);
    assert_eq!(code, 60, "curl does not trust another certificate");
    let (code, _, _) = curl(&certificate, port, "elsewhere.example", &token);
    assert_eq!(code, 60, "nor a name the certificate does not have");

    let mut plain = TcpStream::connect(&address).unwrap();
    plain.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    plain.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    drop(plain.read_to_end(&mut answer));
    assert!(!String::from_utf8_lossy(&answer).contains("200 OK"), "nothing is told in the clear");
    drop(silent);

    // Nor do those, as many as there may be, that say nothing behind the handshake.
    let mut idle: Vec<_> = (0..300)
        .map(|_| {
            let mut client = Command::new("openssl");
            client.args(["s_client", "-quiet", "-connect", &address]);
            client.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
            client.spawn().unwrap()
        })
        .collect();
    assert_eq!(served.get("/status")["id"], "station", "the socket answers");
    for client in &mut idle {
        client.kill().unwrap();
        client.wait().unwrap();
    }
    let (code, status, _) = curl(&certificate, port, "localhost", &token);
    assert_eq!((code, status.as_str()), (0, "200"), "whoever ended gave its place back");
    assert!(served.terminate().success());
}

#[test]
fn a_key_others_may_read_or_files_that_are_none_end_the_start_with_what_to_do() {
    let station = Station::new();
    let (certificate, key) = certificate(&station.path(""), "own");
    let state = station.path("state").display().to_string();
    let start = |certificate: &Path, key: &Path| {
        let settings = settings(&station, certificate, key);
        let refused = station.run(&["serve", "--state", &state, "--station", &settings]);
        assert_ne!(refused.code, 0);
        refused.stderr
    };
    let swapped = start(&key, &certificate);
    assert!(swapped.contains("every user") || swapped.contains("PEM"), "{swapped}");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let told = start(&certificate, &key);
    assert!(told.contains("chmod o-rwx"), "{told}");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    let told = start(&station.path("nothing.crt"), &key);
    assert!(told.contains("nothing.crt") && told.contains("serve.certificate"), "{told}");
    let (_, anothers) = self::certificate(&station.path(""), "another");
    let told = start(&certificate, &anothers);
    assert!(told.contains("cannot be used"), "{told}");
}
