//! What a program that runs `outguide` is told when something fails.

mod station;

use station::Station;

#[test]
fn a_failure_of_any_command_is_one_line_of_json_with_its_exit_code() {
    let station = Station::new();
    std::fs::write(station.path("sane/dll.conf"), "").unwrap();
    let cases: [(&str, i32); 14] = [
        ("verify --json nosuch", 7),
        ("verify --json repository --state nosuch", 7),
        ("backup --json --to backup --state nosuch", 7),
        ("restore --json --from nosuch --state state", 10),
        ("scanners --json --options", 5),
        ("scanners --json --options --scanner nosuch:1", 5),
        ("coversheet type PROG --json -o type.pdf --profile nosuch", 6),
        ("coversheet separator --json -o -", 1),
        ("convert --json nosuch.png -o out.pdf", 8),
        ("barcodes --json --profile nosuch page.png", 6),
        ("check --json --station nosuch.toml", 6),
        ("demo --json --driver nosuch.so", 1),
        ("capture --json --state state --profile nosuch --repository repository", 6),
        ("capture --json --state state --profile plain-pages --pages 0", 2),
    ];
    for (line, exit) in cases {
        let args: Vec<&str> = line.split(' ').collect();
        let ran = station.run_in_its_folder(&args);
        assert_eq!(ran.code, exit, "{line}: {}", ran.stderr);
        assert_eq!(ran.stdout.lines().count(), 1, "{line}: {}", ran.stdout);
        let told = ran.json();
        assert_eq!(told["exit"], exit, "{line}: {told}");
        assert!(told["error"].as_str().is_some_and(|error| !error.is_empty()), "{line}: {told}");
    }
}
