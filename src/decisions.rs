//! What people decide about documents: answers to questions, releases after
//! review, corrections of what was filed.
//!
//! What they key is held to the profile the batch was scanned under, as what is
//! read on paper is. Whether a decision can still be taken is the store's word,
//! in the transaction that records it.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::Notify;

use crate::profile::{self, Profile};
use crate::records::batch::Decision;
use crate::records::document::{FieldName, FieldSource, IndexField, NotAFieldName};
use crate::records::ids::{BatchId, PageNo, QuestionNo, Version};
use crate::store::{Answer, CorrectedDocument, Decided, Refusal, Store, StoreFault, TheyAre};

/// No value on a chart is longer; what is, was pasted.
const MOST_CHARACTERS: usize = 200;

/// What a clerk says of pages in question.
#[derive(Debug, Clone)]
pub enum Said {
    Document(Keyed),
    /// Pages of the document that begins with this one.
    PagesOf(PageNo),
    NotOfTheRecord,
    /// A clerk looked, and nothing is to be done.
    AsItShouldBe,
}

/// What a clerk keys of a document.
#[derive(Clone)]
pub struct Keyed {
    pub document_type: String,
    pub fields: BTreeMap<String, String>,
}

/// A patient's values stay out of logs and errors.
impl std::fmt::Debug for Keyed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&String> = self.fields.keys().collect();
        write!(f, "Keyed({}, {names:?})", self.document_type)
    }
}

/// What is to be other than it was filed.
#[derive(Clone)]
pub struct Correction {
    /// `None`: it stays.
    pub document_type: Option<String>,
    /// An empty value takes the field away; fields not named stay. Where another
    /// patient is meant, all but the document's date must be named.
    pub fields: BTreeMap<String, String>,
    /// That were set aside, and belong to it.
    pub more_pages: Vec<PageNo>,
}

#[derive(Debug, thiserror::Error)]
pub enum DecisionFault {
    #[error(transparent)]
    Refused(Refusal),
    #[error("the profile batch {id} was scanned under cannot be used any more:\n{problems}")]
    Profile { id: BatchId, problems: String },
    #[error("{code:?} is not a document type of the profile {profile}; it has {known}")]
    NotAType { code: String, profile: String, known: String },
    #[error(transparent)]
    NotAFieldName(#[from] NotAFieldName),
    #[error("{field} is no field of the profile {profile}; it has {known}")]
    NotAField { field: FieldName, profile: String, known: String },
    #[error(
        "the value of {field} is empty, longer than {MOST_CHARACTERS} characters, or not one line"
    )]
    Value { field: FieldName },
    #[error("{field} is required for {document_type}; key it from the page")]
    Missing { field: FieldName, document_type: String },
    #[error(
        "another patient is meant now, and {fields} may be the first one's: key each for this \
         patient, or take it away with an empty value"
    )]
    OtherPatients { fields: String },
    #[error("that is how the document was filed; say what is to be other")]
    NothingChanges,
    #[error("say why: the reason stays with the document")]
    NoReason,
    #[error("say why in one line of {MOST_CHARACTERS} characters at most")]
    LongReason,
    #[error(transparent)]
    Store(#[from] StoreFault),
}

/// Takes decisions, and has the steps done that become due.
#[derive(Clone)]
pub struct Decisions {
    pub store: Store,
    /// Told when steps became due.
    pub look_again: Arc<Notify>,
    /// Told whose documents stand elsewhere now.
    pub tell: Arc<dyn Fn(&BatchId) + Send + Sync>,
}

impl Decisions {
    /// `pages` are those meant; empty for all that the question holds.
    pub async fn answer(
        &self,
        batch: &BatchId,
        no: QuestionNo,
        pages: Vec<PageNo>,
        said: Said,
        decision: &Decision,
    ) -> Result<(), DecisionFault> {
        let store = self.store.acting_for(&decision.by);
        let they_are = match said {
            Said::AsItShouldBe => {
                must_say_why(decision)?;
                return self.done(batch, store.dismiss_question(batch, no, decision).await?);
            }
            Said::NotOfTheRecord => {
                must_say_why(decision)?;
                TheyAre::NotOfTheRecord
            }
            Said::PagesOf(first_page) => TheyAre::PagesOf(first_page),
            Said::Document(keyed) => {
                let profile = self.profile(batch).await?;
                let fields = fields_keyed(&keyed.fields, &profile)?;
                check_type(&keyed.document_type, &profile)?;
                check_required(&keyed.document_type, &fields, &profile)?;
                TheyAre::Document { document_type: keyed.document_type, fields }
            }
        };
        let answer = Answer { pages, they_are };
        self.done(batch, store.answer_question(batch, no, &answer, decision).await?)
    }

    /// Somebody looked at the document: it may be filed.
    pub async fn release(
        &self,
        batch: &BatchId,
        first_page: PageNo,
        seen: Option<Version>,
        decision: &Decision,
    ) -> Result<(), DecisionFault> {
        let store = self.store.acting_for(&decision.by);
        self.done(batch, store.release_document(batch, first_page, seen, decision).await?)
    }

    /// Somebody looked at the document, and it is not to be filed like that.
    pub async fn send_back(
        &self,
        batch: &BatchId,
        first_page: PageNo,
        seen: Option<Version>,
        decision: &Decision,
    ) -> Result<(), DecisionFault> {
        must_say_why(decision)?;
        let store = self.store.acting_for(&decision.by);
        self.done(batch, store.send_document_back(batch, first_page, seen, decision).await?)
    }

    /// A document that was filed is filed again as it should have been.
    pub async fn correct(
        &self,
        batch: &BatchId,
        first_page: PageNo,
        seen: Option<Version>,
        correction: &Correction,
        decision: &Decision,
    ) -> Result<(), DecisionFault> {
        must_say_why(decision)?;
        let store = self.store.acting_for(&decision.by);
        let profile = self.profile(batch).await?;
        let filed = store.document(batch, first_page).await?.ok_or_else(|| {
            DecisionFault::Refused(Refusal::NoSuchDocument {
                batch: batch.clone(),
                page: first_page,
            })
        })?;
        // What is kept of it is that version's.
        let seen = seen.or(Some(filed.version));
        let filed = filed.document;
        let document_type = correction.document_type.as_ref().unwrap_or(&filed.document_type);
        check_type(document_type, &profile)?;
        let fields = corrected(&filed.fields, &correction.fields, &profile)?;
        check_required(document_type, &fields, &profile)?;
        let is_the_same = *document_type == filed.document_type
            && same_values(&fields, &filed.fields)
            && correction.more_pages.is_empty();
        if is_the_same {
            return Err(DecisionFault::NothingChanges);
        }
        let to = CorrectedDocument {
            document_type: document_type.clone(),
            fields,
            more_pages: correction.more_pages.clone(),
        };
        self.done(batch, store.correct_document(batch, first_page, seen, &to, decision).await?)
    }

    /// A document that was filed is not to stand any more.
    pub async fn withdraw(
        &self,
        batch: &BatchId,
        first_page: PageNo,
        seen: Option<Version>,
        decision: &Decision,
    ) -> Result<(), DecisionFault> {
        must_say_why(decision)?;
        // The notice is filed as the profile says: where nobody can read it, none is.
        self.profile(batch).await?;
        let store = self.store.acting_for(&decision.by);
        self.done(batch, store.withdraw_document(batch, first_page, seen, decision).await?)
    }

    fn done(&self, batch: &BatchId, decided: Decided) -> Result<(), DecisionFault> {
        match decided {
            Decided::Yes => {
                self.look_again.notify_one();
                (self.tell)(batch);
                Ok(())
            }
            Decided::No(refusal) => Err(DecisionFault::Refused(refusal)),
        }
    }

    async fn profile(&self, id: &BatchId) -> Result<Profile, DecisionFault> {
        let no_batch = || DecisionFault::Refused(Refusal::NoSuchBatch(id.clone()));
        let batch = self.store.batch(id).await?.ok_or_else(no_batch)?;
        let (profile, problems) = profile::parse(&batch.profile_text, &batch.profile_name);
        profile.ok_or_else(|| {
            let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
            DecisionFault::Profile { id: id.clone(), problems: problems.join("\n") }
        })
    }
}

fn must_say_why(decision: &Decision) -> Result<(), DecisionFault> {
    let reason = decision.reason.trim();
    if reason.is_empty() {
        return Err(DecisionFault::NoReason);
    }
    match is_a_line(reason) {
        true => Ok(()),
        false => Err(DecisionFault::LongReason),
    }
}

fn check_type(code: &str, profile: &Profile) -> Result<(), DecisionFault> {
    if profile.document_types.iter().any(|kind| kind.code == code) {
        return Ok(());
    }
    let known: Vec<&str> = profile.document_types.iter().map(|kind| kind.code.as_str()).collect();
    Err(DecisionFault::NotAType {
        code: code.to_owned(),
        profile: profile.name.clone(),
        known: known.join(", "),
    })
}

fn check_required(
    code: &str,
    fields: &[IndexField],
    profile: &Profile,
) -> Result<(), DecisionFault> {
    let kind = profile.document_types.iter().find(|kind| kind.code == code);
    let required = kind.map_or(&[][..], |kind| &kind.required);
    let is_missing = |name: &&FieldName| fields.iter().all(|field| field.name != **name);
    let Some(field) = required.iter().find(is_missing).cloned() else { return Ok(()) };
    Err(DecisionFault::Missing { field, document_type: code.to_owned() })
}

fn fields_keyed(
    keyed: &BTreeMap<String, String>,
    profile: &Profile,
) -> Result<Vec<IndexField>, DecisionFault> {
    keyed.iter().map(|(name, value)| field_keyed(name, value, profile)).collect()
}

fn field_keyed(name: &str, value: &str, profile: &Profile) -> Result<IndexField, DecisionFault> {
    let name = field_of_the_profile(name, profile)?;
    let value = value.trim();
    match !value.is_empty() && is_a_line(value) {
        true => Ok(IndexField { name, value: value.to_owned(), source: FieldSource::Keyed }),
        false => Err(DecisionFault::Value { field: name }),
    }
}

fn is_a_line(text: &str) -> bool {
    text.chars().count() <= MOST_CHARACTERS && !text.chars().any(char::is_control)
}

/// A name that is typed wrong would be a value that nobody finds.
fn field_of_the_profile(name: &str, profile: &Profile) -> Result<FieldName, DecisionFault> {
    let name = FieldName::new(name)?;
    let known = fields_of(profile);
    if known.contains(&name) {
        return Ok(name);
    }
    let known: Vec<&str> = known.iter().map(FieldName::as_str).collect();
    let (profile, known) = (profile.name.clone(), known.join(", "));
    Err(DecisionFault::NotAField { field: name, profile, known })
}

/// Those a cover sheet may name, and those of the profile itself; the document's
/// type is said apart.
fn fields_of(profile: &Profile) -> Vec<FieldName> {
    let on_sheets = [
        FieldName::MRN,
        FieldName::ENCOUNTER,
        FieldName::PATIENT_NAME,
        FieldName::BIRTH_DATE,
        FieldName::DOCUMENT_DATE,
    ];
    let on_sheets = on_sheets.into_iter().filter_map(|name| FieldName::new(name).ok());
    let of_rules = profile.barcodes.fields.iter().map(|rule| rule.field.clone());
    let of_types = profile.document_types.iter().flat_map(|kind| kind.required.iter().cloned());
    let mut known: Vec<FieldName> = on_sheets
        .chain(of_rules)
        .chain(of_types)
        .filter(|name| name.as_str() != FieldName::DOCUMENT_TYPE)
        .collect();
    known.sort();
    known.dedup();
    known
}

/// Of one patient: where another is meant now, nothing that may be the first one's
/// is left as it was, but for the document's own date.
fn corrected(
    filed: &[IndexField],
    keyed: &BTreeMap<String, String>,
    profile: &Profile,
) -> Result<Vec<IndexField>, DecisionFault> {
    let mut named = Vec::new();
    let mut fields = Vec::new();
    for (name, value) in keyed {
        named.push(field_of_the_profile(name, profile)?);
        if !value.trim().is_empty() {
            fields.push(field_keyed(name, value, profile)?);
        }
    }
    let unnamed: Vec<&IndexField> =
        filed.iter().filter(|before| !named.contains(&before.name)).collect();
    if is_another_patient(filed, &fields) {
        let may_be_the_firsts =
            unnamed.iter().filter(|before| before.name.as_str() != FieldName::DOCUMENT_DATE);
        let names: Vec<&str> = may_be_the_firsts.map(|before| before.name.as_str()).collect();
        if !names.is_empty() {
            return Err(DecisionFault::OtherPatients { fields: names.join(", ") });
        }
    }
    fields.extend(unnamed.into_iter().cloned());
    Ok(fields)
}

/// By the number that was filed and is another now: the record's, or the stay's
/// where no record number was filed. A number that was missing, or a name spelt
/// otherwise, is still the same patient's.
fn is_another_patient(filed: &[IndexField], keyed: &[IndexField]) -> bool {
    let value = |fields: &[IndexField], name: &str| {
        fields.iter().find(|field| field.name.as_str() == name).map(|field| field.value.clone())
    };
    let by = match value(filed, FieldName::MRN) {
        Some(_) => FieldName::MRN,
        None => FieldName::ENCOUNTER,
    };
    match (value(filed, by), value(keyed, by)) {
        (Some(before), Some(now)) => before != now,
        (_, None) | (None, _) => false,
    }
}

fn same_values(one: &[IndexField], other: &[IndexField]) -> bool {
    let values = |fields: &[IndexField]| -> BTreeMap<FieldName, String> {
        fields.iter().map(|field| (field.name.clone(), field.value.clone())).collect()
    };
    values(one) == values(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, value: &str) -> IndexField {
        IndexField {
            name: FieldName::new(name).unwrap(),
            value: value.to_owned(),
            source: FieldSource::CoverSheet { page: PageNo::FIRST },
        }
    }

    fn profile() -> Profile {
        let text = include_str!("../profiles/inpatient-chart.toml");
        profile::parse(text, "inpatient-chart.toml").0.expect("the profile is right")
    }

    fn keyed(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
    }

    fn names(fields: &[IndexField]) -> Vec<&str> {
        fields.iter().map(|field| field.name.as_str()).collect()
    }

    #[test]
    fn another_patients_number_takes_nothing_of_the_first_patient_along() {
        let filed = [
            field("mrn", "0012345"),
            field("encounter", "88771"),
            field("patient_name", "KELLER, MIA"),
            field("document_date", "2025-12-24"),
        ];
        let with = |pairs: &[(&str, &str)]| corrected(&filed, &keyed(pairs), &profile());
        let told = with(&[("mrn", "0099999")]).unwrap_err().to_string();
        assert!(told.contains("encounter, patient_name may be the first one's"), "{told}");
        let other = [("mrn", "0099999"), ("encounter", "55501"), ("patient_name", "")];
        assert_eq!(names(&with(&other).unwrap()), ["encounter", "mrn", "document_date"]);
        for same in [
            &[("document_date", "2025-12-25")][..],
            &[("encounter", "88772")],
            &[("birth_date", "1950-01-31")],
            &[("mrn", "0012345"), ("patient_name", "KELLER, MIA M")],
        ] {
            assert!(with(same).unwrap().len() >= 4, "{same:?}");
        }
        assert_eq!(
            names(&with(&[("document_date", " ")]).unwrap()),
            ["mrn", "encounter", "patient_name"]
        );
        let of_the_stay = [field("encounter", "88771"), field("patient_name", "KELLER, MIA")];
        let told = corrected(&of_the_stay, &keyed(&[("encounter", "1")]), &profile());
        assert!(told.is_err(), "no record number was filed");
    }

    #[test]
    fn what_is_keyed_is_one_line_under_a_name_the_profile_knows() {
        let long = "1".repeat(MOST_CHARACTERS + 1);
        for (name, value) in
            [("mrn", ""), ("mrn", "1\n2"), ("mrn", &long), ("mnr", "1"), ("M", "1")]
        {
            assert!(field_keyed(name, value, &profile()).is_err(), "{name}");
        }
        assert_eq!(field_keyed("mrn", " 0012345 ", &profile()).unwrap().value, "0012345");
    }

    #[test]
    fn what_is_keyed_stays_out_of_debug_text() {
        let keyed = Keyed { document_type: "LAB".into(), fields: keyed(&[("mrn", "0012345")]) };
        assert!(!format!("{keyed:?}").contains("0012345"));
    }
}
