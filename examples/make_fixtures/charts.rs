//! Chart pages of people who do not exist, and the exact text of each.

use outguide::pdf::paper::{BoxMm, Face, Ink, Lettering, PaperPage, PointMm};

use crate::chance::Chance;
use crate::handwriting;

pub struct Person {
    pub name: &'static str,
    pub birth_date: &'static str,
    pub mrn: &'static str,
    pub encounter: &'static str,
}

pub const ADELAIDE: Person = Person {
    name: "SAMPLEWOOD, ADELAIDE R",
    birth_date: "03/14/1951",
    mrn: "0048213",
    encounter: "E7719",
};

pub const JONATHAN: Person = Person {
    name: "FICTIVE, JONATHAN Q",
    birth_date: "11/02/1967",
    mrn: "0059340",
    encounter: "E7802",
};

pub const BEATRIX: Person =
    Person { name: "NOMEN, BEATRIX", birth_date: "07/29/1988", mrn: "0061177", encounter: "E7815" };

const LEFT_MM: f64 = 22.0;
const WIDTH_MM: f64 = 172.0;

/// A page and, line by line, what is written on it.
#[derive(Default)]
pub struct ChartPage {
    pub paper: PaperPage,
    pub text: String,
    /// Baseline of the line before.
    y: f64,
}

impl ChartPage {
    fn at(y: f64) -> Self {
        ChartPage { y, ..ChartPage::default() }
    }

    /// Nothing but these words, near the head.
    pub fn one_word(&mut self, text: &str) {
        self.gap(40.0);
        self.line(text, typed(11.0));
    }

    fn line(&mut self, text: &str, lettering: Lettering) {
        self.y += lettering.line_mm();
        self.paper.text(PointMm::new(LEFT_MM, self.y), text, lettering);
        self.note(text);
    }

    fn lines(&mut self, text: &str, lettering: Lettering) {
        for line in text.lines() {
            self.line(line, lettering);
        }
    }

    fn paragraph(&mut self, text: &str, lettering: Lettering) {
        for line in lettering.wrapped(text, WIDTH_MM) {
            self.line(&line, lettering);
        }
        self.gap(2.5);
    }

    /// Cells of one line, each at its own distance from the left.
    fn row(&mut self, cells: &[(f64, &str)], lettering: Lettering) {
        self.y += lettering.line_mm();
        for (x, text) in cells {
            self.paper.text(PointMm::new(LEFT_MM + x, self.y), text, lettering);
        }
        let texts: Vec<&str> = cells.iter().map(|(_, text)| *text).collect();
        self.note(&texts.join(" "));
    }

    fn note(&mut self, text: &str) {
        self.text.push_str(text);
        self.text.push('\n');
    }

    fn gap(&mut self, mm: f64) {
        self.y += mm;
    }

    fn rule(&mut self, width_mm: f64) {
        self.y += 2.0;
        let right = PointMm::new(LEFT_MM + WIDTH_MM, self.y);
        self.paper.line(PointMm::new(LEFT_MM, self.y), right, width_mm, Ink::BLACK);
    }

    fn head(title: &str, person: &Person) -> Self {
        let mut page = ChartPage::at(14.0);
        page.line("ST. ALDOUS GENERAL HOSPITAL", sans(10.0));
        page.line(title, bold(17.0));
        page.gap(1.0);
        page.row(
            &[(0.0, "Patient:"), (20.0, person.name), (105.0, "MRN:"), (122.0, person.mrn)],
            sans(11.0),
        );
        page.row(
            &[
                (0.0, "Born:"),
                (20.0, person.birth_date),
                (105.0, "Visit:"),
                (122.0, person.encounter),
            ],
            sans(11.0),
        );
        page.rule(0.5);
        page.gap(3.0);
        page
    }

    fn foot(mut self, text: &str) -> Self {
        self.y = 262.0;
        self.line(text, sans(9.0));
        self
    }
}

fn sans(size_pt: f64) -> Lettering {
    Lettering::new(Face::Sans, size_pt)
}

fn bold(size_pt: f64) -> Lettering {
    Lettering::new(Face::SansBold, size_pt)
}

fn typed(size_pt: f64) -> Lettering {
    Lettering::new(Face::Mono, size_pt)
}

/// Typewritten notes; `no` 1 to 3.
pub fn progress_note(person: &Person, no: usize) -> ChartPage {
    let days: [&[(&str, &str)]; 3] = [
        &[
            (
                "11/14 0810",
                "Slept well. Denies chest pain. Walked to the window twice with help. Appetite fair, finished half of breakfast. Temperature 98.4, pulse 76 and regular, pressure 132 over 78, breathing 16, oxygen 96 percent on room air.",
            ),
            (
                "",
                "Lungs: few crackles at the left base, clearing with cough. Heart: regular, no murmur. Abdomen soft. Ankles: trace swelling, less than yesterday. Wound dry and closed, two staples out.",
            ),
            (
                "",
                "Plan: continue furosemide 40 mg by mouth each morning. Potassium 3.6, give 20 mEq today and repeat tomorrow. Out of bed three times. Physical therapy to see this afternoon.",
            ),
            (
                "11/14 1630",
                "Called by nurse for itching under the dressing. Skin pink without blisters; paper tape used instead. No fever. Patient comfortable and reading when I left.",
            ),
            (
                "11/14 2200",
                "Resting. No complaints. Weight 71.8 kg, down 0.6 kg since morning. Intake 1450 ml, output 2100 ml.",
            ),
        ],
        &[
            (
                "11/15 0800",
                "Second quiet night. Cough is looser and brings up a little clear sputum. Walked the length of the hall without stopping. Temperature 98.2, pulse 72, pressure 128 over 74, oxygen 97 percent.",
            ),
            (
                "",
                "Lungs clear now on both sides. Swelling of the ankles gone. Potassium 4.1, creatinine 0.9, hemoglobin 11.8. Film of the chest read as improved; small effusion on the left remains.",
            ),
            (
                "",
                "Plan: stop oxygen checks at night. Change furosemide to 20 mg. Teach daily weighing with the daughter present. Dietitian explained two grams of sodium.",
            ),
            (
                "11/15 1500",
                "Daughter here. We went over the list of medicines twice; both can say what each is for. Scale at home works. Clinic visit booked for the week after next.",
            ),
        ],
        &[
            (
                "11/16 0830",
                "Ready to go home. Stairs managed, one flight, with the rail. No pain. Weight 70.9 kg. Pressure 126 over 76, pulse 70. Wound clean, last staples removed, strips placed.",
            ),
            (
                "",
                "Told to call for a gain of more than one kilogram in a day or two in a week, for breathlessness lying flat, or for redness of the wound. Written instructions given and read back.",
            ),
            (
                "11/16 1120",
                "Left the ward with the daughter by wheelchair. Medicines and papers handed over. Bed 12 stripped. Chart to records.",
            ),
        ],
    ];
    let title = format!("PROGRESS NOTES  page {no}");
    let mut page = ChartPage::head(&title, person);
    for (when, what) in days[no - 1] {
        if !when.is_empty() {
            page.line(when, typed(11.0));
        }
        page.paragraph(what, typed(11.0));
    }
    page.line("E. Marlowe, M.D.", typed(11.0));
    page.foot("Form 118 progress notes, made up for testing")
}

/// Two printed pages.
pub fn discharge_summary(person: &Person, no: usize) -> ChartPage {
    let sections: [&[(&str, &str)]; 2] = [
        &[
            (
                "Admitted",
                "November 9 through the emergency department with four days of cough, fever and increasing shortness of breath.",
            ),
            (
                "History",
                "Carpenter, 59 years old, smoker until 2015, with high blood pressure treated for ten years. No known allergy. No operation except an appendix in childhood. Lives with his wife on the second floor; works part time.",
            ),
            (
                "Findings on admission",
                "Temperature 102.3, pulse 108, breathing 24, pressure 146 over 88, oxygen 89 percent on room air. Dull note and bronchial breathing at the right base. Film of the chest: consolidation of the right lower lobe. White count 16.4, sodium 133, creatinine 1.2. Cultures of blood and sputum taken before the first dose.",
            ),
            (
                "Course",
                "Treated with ceftriaxone and azithromycin by vein, oxygen by mask, fluids. Fever fell on the second day and was gone on the fourth. Oxygen stopped on day five. Sputum grew Streptococcus pneumoniae sensitive to penicillin; treatment changed to amoxicillin by mouth. Blood cultures stayed negative. He walked the hall without help from day five and slept without oxygen.",
            ),
            (
                "Consultation",
                "Pulmonary medicine, Dr. Okafor: agrees, repeat film in six weeks to be sure that the shadow clears in a former smoker.",
            ),
        ],
        &[
            (
                "Diagnoses at discharge",
                "Pneumonia of the right lower lobe due to Streptococcus pneumoniae. High blood pressure. Former smoker.",
            ),
            (
                "Medicines",
                "Amoxicillin 1 g three times a day for four more days. Lisinopril 10 mg each morning, as before. Acetaminophen 500 mg as needed for pain, not more than six tablets a day.",
            ),
            (
                "Condition",
                "Good. Temperature 98.0, pulse 78, pressure 130 over 80, oxygen 96 percent on room air at rest and 94 percent after one flight of stairs.",
            ),
            (
                "Instructions",
                "Rest for one week, then light work. Drink two liters a day. Return at once for fever, chest pain or breathlessness. No smoking; the offer of the quit line was accepted.",
            ),
            (
                "Follow up",
                "Clinic visit on December 1 at 9:40. Film of the chest on December 28 before the second visit. Vaccination against influenza given on the day of discharge; pneumococcal vaccine at the clinic.",
            ),
        ],
    ];
    let mut page = ChartPage::head(&format!("Discharge Summary ({no} of 2)"), person);
    for (heading, words) in sections[no - 1] {
        page.line(heading, bold(12.0));
        page.paragraph(words, sans(11.5));
    }
    if no == 2 {
        page.gap(6.0);
        page.line("Dictated by R. Whitfield, M.D., signed November 17", sans(11.5));
    }
    page.foot("Discharge summary, made up for testing")
}

const CHEMISTRY: &[[&str; 4]] = &[
    ["Sodium", "139", "136-145", "mmol/L"],
    ["Potassium", "4.1", "3.5-5.1", "mmol/L"],
    ["Chloride", "103", "98-107", "mmol/L"],
    ["Bicarbonate", "26", "22-29", "mmol/L"],
    ["Urea nitrogen", "18", "8-23", "mg/dL"],
    ["Creatinine", "0.9", "0.5-1.0", "mg/dL"],
    ["Glucose", "168 H", "70-99", "mg/dL"],
    ["Calcium", "9.2", "8.6-10.2", "mg/dL"],
    ["Albumin", "3.4 L", "3.5-5.2", "g/dL"],
    ["Bilirubin total", "0.6", "0.1-1.2", "mg/dL"],
    ["Alkaline phosphatase", "88", "35-105", "U/L"],
    ["Alanine transaminase", "31", "7-35", "U/L"],
];

const BLOOD_COUNT: &[[&str; 4]] = &[
    ["White cells", "8.6", "4.5-11.0", "thousand/uL"],
    ["Red cells", "3.98", "3.80-5.20", "million/uL"],
    ["Hemoglobin", "11.8 L", "12.0-16.0", "g/dL"],
    ["Hematocrit", "35.6", "35.0-47.0", "percent"],
    ["Mean cell volume", "89.4", "80.0-100.0", "fL"],
    ["Platelets", "286", "150-400", "thousand/uL"],
    ["Neutrophils", "68", "40-75", "percent"],
    ["Lymphocytes", "22", "20-45", "percent"],
    ["Monocytes", "7", "2-10", "percent"],
    ["Eosinophils", "3", "1-6", "percent"],
];

/// Results in a table with thin rules; `no` 1 or 2.
pub fn lab_report(person: &Person, no: usize) -> ChartPage {
    let (panel, results) =
        if no == 1 { ("Chemistry, serum", CHEMISTRY) } else { ("Blood count", BLOOD_COUNT) };
    let mut page = ChartPage::head("Laboratory Report", person);
    page.line(
        &format!("Collected 11/15 06:20   Reported 11/15 07:45   Page {no} of 2"),
        sans(10.5),
    );
    page.gap(3.0);
    page.line(panel, bold(13.0));
    page.rule(0.4);
    let columns = [0.0, 62.0, 96.0, 134.0];
    let cells = |texts: [&'static str; 4]| [0, 1, 2, 3].map(|i| (columns[i] + 2.0, texts[i]));
    let top = page.y;
    page.row(&cells(["Test", "Result", "Reference", "Unit"]), bold(10.5));
    for result in results {
        page.rule(0.15);
        page.gap(0.8);
        page.row(&cells(*result), sans(10.5));
    }
    page.rule(0.4);
    let bottom = page.y;
    for x in columns.into_iter().chain([WIDTH_MM]) {
        let x = LEFT_MM + x;
        page.paper.line(PointMm::new(x, top), PointMm::new(x, bottom), 0.15, Ink::BLACK);
    }
    page.gap(5.0);
    page.paragraph(
        "H above and L below the reference range. Results released by the laboratory; \
         repeat glucose fasting. Specimen not hemolyzed.",
        sans(10.5),
    );
    page.foot("Laboratory report, made up for testing")
}

/// A form with boxes to tick and lines to sign.
pub fn consent(person: &Person) -> ChartPage {
    let mut page = ChartPage::head("Consent to Procedure", person);
    page.paragraph(
        "I agree that Dr. Marlowe and the staff of this hospital may perform the procedure \
         named below. Its purpose, its common risks and the other ways of treatment have been \
         explained to me in words I understand, and my questions have been answered.",
        sans(11.5),
    );
    page.line("Procedure: drainage of fluid from the chest, left side", bold(11.5));
    page.gap(4.0);
    for (ticked, words) in [
        (true, "I agree to local anesthesia."),
        (true, "I agree that fluid is sent to the laboratory."),
        (false, "I agree to a transfusion of blood if it is needed."),
        (false, "I agree that pictures may be used for teaching."),
    ] {
        let top = page.y + 1.2;
        let tick_box = BoxMm { left: LEFT_MM, top, width: 3.8, height: 3.8 };
        page.paper.frame(tick_box, 0.3, Ink::BLACK);
        if ticked {
            let tick = [(0.8, 2.0), (1.7, 3.0), (4.2, -0.6)];
            let pen = tick.map(|(x, y)| PointMm::new(LEFT_MM + x, top + y));
            page.paper.stroke(pen.to_vec(), 0.5, Ink::BLACK);
        }
        page.row(&[(7.0, words)], sans(11.5));
        page.gap(2.2);
    }
    page.gap(4.0);
    page.paragraph(
        "I know that I may take back this consent at any time before the procedure begins. \
         A copy of this form has been offered to me.",
        sans(11.5),
    );
    page.gap(16.0);
    let y = page.y;
    for (left, right) in [(0.0, 75.0), (95.0, 172.0)] {
        let line = [PointMm::new(LEFT_MM + left, y), PointMm::new(LEFT_MM + right, y)];
        page.paper.line(line[0], line[1], 0.3, Ink::BLACK);
    }
    let mut chance = Chance::new(31);
    let blue = Ink(20, 30, 120);
    let signed = PointMm::new(LEFT_MM + 6.0, y - 1.5);
    handwriting::write(&mut page.paper, signed, "B. Nomen", blue, &mut chance);
    page.row(&[(0.0, "Signature of the patient"), (95.0, "Signature of the physician")], sans(9.5));
    page.foot("Form 240 consent, made up for testing")
}

/// A grid of thin rules with a number in most cells.
pub fn nursing_flow_sheet(person: &Person) -> ChartPage {
    let mut page = ChartPage::head("Nursing Flow Sheet", person);
    page.line("Vital signs, intake and output, November 15", sans(10.5));
    page.gap(3.0);
    let top = page.y;
    let hours = ["", "0200", "0600", "1000", "1400", "1800", "2200"];
    let columns = [0.0, 52.0, 72.0, 92.0, 112.0, 132.0, 152.0];
    let rows: &[[&str; 7]] = &[
        hours,
        ["Temperature", "98.4", "98.2", "98.6", "98.8", "98.4", "98.2"],
        ["Pulse", "74", "72", "80", "84", "76", "70"],
        ["Breathing", "16", "16", "18", "18", "16", "14"],
        ["Pressure upper", "124", "128", "132", "136", "130", "126"],
        ["Pressure lower", "72", "74", "78", "80", "76", "74"],
        ["Oxygen percent", "96", "97", "96", "95", "97", "97"],
        ["Pain 0 to 10", "1", "1", "2", "3", "2", "1"],
        ["By mouth ml", "0", "120", "360", "420", "380", "100"],
        ["By vein ml", "200", "200", "0", "0", "0", "0"],
        ["Urine ml", "250", "300", "400", "350", "300", "250"],
        ["Weight kg", "", "71.8", "", "", "", ""],
        ["Turned", "yes", "yes", "self", "self", "self", "yes"],
        ["Initials", "KT", "KT", "LM", "LM", "RS", "RS"],
    ];
    const ROW_MM: f64 = 11.0;
    for (index, row) in rows.iter().enumerate() {
        page.y = top + index as f64 * ROW_MM + 2.4;
        let cells: Vec<(f64, &str)> = columns
            .iter()
            .zip(row)
            .map(|(x, text)| (x + 2.0, *text))
            .filter(|(_, text)| !text.is_empty())
            .collect();
        page.row(&cells, if index == 0 { bold(10.5) } else { sans(10.5) });
    }
    let bottom = top + rows.len() as f64 * ROW_MM;
    for index in 0..=rows.len() {
        let y = top + index as f64 * ROW_MM;
        let right = PointMm::new(LEFT_MM + WIDTH_MM, y);
        page.paper.line(PointMm::new(LEFT_MM, y), right, 0.2, Ink::BLACK);
    }
    for x in columns.into_iter().chain([WIDTH_MM]) {
        let x = LEFT_MM + x;
        page.paper.line(PointMm::new(x, top), PointMm::new(x, bottom), 0.2, Ink::BLACK);
    }
    page.y = bottom + 4.0;
    page.paragraph(
        "Intake 1780 ml, output 1850 ml in 24 hours. Skin whole over heels and hip. \
         Call bell within reach at every round.",
        sans(10.5),
    );
    page.foot("Form 77 nursing flow sheet, made up for testing")
}

/// Typed hard, for a carbon sheet behind it.
pub fn orders(person: &Person) -> ChartPage {
    let mut page = ChartPage::head("PHYSICIAN ORDERS", person);
    page.lines(
        "11/09  Admit to medicine, Dr. Whitfield\n\
         11/09  Condition fair, allergies none known\n\
         11/09  Vital signs every four hours, oxygen to keep 93 percent\n\
         11/09  Activity bed rest with bathroom, diet as tolerated\n\
         11/09  Ceftriaxone 1 g by vein every 24 hours\n\
         11/09  Azithromycin 500 mg by vein every 24 hours\n\
         11/09  Acetaminophen 500 mg by mouth every 6 hours as needed\n\
         11/09  Sodium chloride 0.9 percent 100 ml each hour\n\
         11/10  Film of the chest in the morning, blood count, chemistry\n\
         11/11  Stop fluids when drinking well\n\
         11/13  Stop ceftriaxone and azithromycin\n\
         11/13  Amoxicillin 1 g by mouth three times a day\n\
         11/13  Walk the hall with help twice a day\n\
         11/16  Discharge home in the morning with instructions",
        typed(12.0),
    );
    page.gap(8.0);
    page.line("R. Whitfield, M.D.", typed(12.0));
    page.foot("Second copy, made up for testing")
}

/// Ruled paper, written by hand.
pub fn handwritten(person: &Person) -> ChartPage {
    let mut page = ChartPage::default();
    let rule_ink = Ink(120, 160, 210);
    for row in 0..24 {
        let y = 30.0 + f64::from(row) * 9.5;
        page.paper.line(PointMm::new(8.0, y), PointMm::new(208.0, y), 0.25, rule_ink);
    }
    page.paper.line(PointMm::new(30.0, 5.0), PointMm::new(30.0, 275.0), 0.3, Ink(220, 120, 120));
    let mut chance = Chance::new(7);
    let words = [
        "Visit at home 11/24",
        "",
        "Patient well, walks to the shop",
        "and back without rest. Sleeps on",
        "one pillow. Weight 70.6 kg on her",
        "own scale, written down each day.",
        "Ankles thin. Lungs clear.",
        "Pressure 124/72, pulse 68.",
        "Scar closed and pale.",
        "",
        "Takes all medicines as listed.",
        "Asked about salt in bread.",
        "",
        "Plan: same doses, blood test",
        "in two weeks, see again 12/08.",
        "",
        "E. Marlowe",
    ];
    page.note(person.name);
    let name = format!("Home visit: {}  MRN {}", person.name, person.mrn);
    page.text.clear();
    page.paper.text(PointMm::new(34.0, 20.0), &name, sans(10.5));
    page.note(&name);
    for (row, words) in words.iter().enumerate() {
        let at = PointMm::new(34.0, 39.0 + row as f64 * 9.5);
        handwriting::write(&mut page.paper, at, words, Ink(30, 30, 90), &mut chance);
        if !words.is_empty() {
            page.note(words);
        }
    }
    page
}

/// A typed letter with a round red stamp over part of it and a blue one turned.
pub fn stamped_letter(person: &Person) -> ChartPage {
    let mut page = ChartPage::head("Outside Records Received", person);
    page.paragraph(
        "Enclosed are copies of the records you asked for in your letter of October 28: \
         operative report, pathology report and the summary of the stay in 2009. The original \
         films are kept here for ten years and can be lent on request.",
        typed(11.0),
    );
    page.paragraph(
        "Please return the yellow slip with the name of the person who received this envelope. \
         Nothing in it may be passed on without the written consent of the patient.",
        typed(11.0),
    );
    page.line("Records Department, Lake County Infirmary", typed(11.0));
    let red = Ink(200, 40, 50);
    let middle = PointMm::new(150.0, 70.0);
    for radius in [20.0, 18.6] {
        let ring = (0..=72).map(|i| {
            let (sin, cos) = (f64::from(i) * 5.0).to_radians().sin_cos();
            PointMm::new(middle.x + radius * cos, middle.y + radius * sin)
        });
        page.paper.stroke(ring.collect(), 0.6, red);
    }
    let stamp = bold(14.0).ink(red).turned(-14.0);
    page.paper.text(PointMm::new(middle.x - 15.5, middle.y + 1.0), "RECEIVED", stamp);
    let small = bold(9.0).ink(red).turned(-14.0);
    page.paper.text(PointMm::new(middle.x - 9.0, middle.y + 7.5), "NOV 20 2026", small);
    let blue = Ink(40, 60, 180);
    let copy = bold(30.0).ink(blue).turned(-30.0);
    page.paper.text(PointMm::new(60.0, 190.0), "COPY", copy);
    page.note("RECEIVED NOV 20 2026");
    page.note("COPY");
    page.foot("Letter, made up for testing")
}
