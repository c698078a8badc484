//! Counts the pages a PDF says it has. The library leaves out those it cannot
//! tell apart or find, and says nothing.

use std::collections::HashSet;

use hayro::hayro_syntax::Pdf;
use hayro::hayro_syntax::object::dict::keys::{COUNT, KIDS, PAGES, TYPE};
use hayro::hayro_syntax::object::{Array, Dict, MaybeRef, Name, ObjectIdentifier};

use super::super::PdfFault;

/// # Errors
/// `PagesMissing` where the list names a page twice, or one that is not there,
/// or counts more than `found`, those the library found.
pub fn check(pdf: &Pdf, found: usize) -> Result<(), PdfFault> {
    match listed(pdf) {
        Some(listed) if listed == found => Ok(()),
        Some(_) | None => Err(PdfFault::PagesMissing { found }),
    }
}

/// How many pages the list names, each once; `None` where it contradicts itself.
fn listed(pdf: &Pdf) -> Option<usize> {
    let xref = pdf.xref();
    let root = xref.get::<Dict<'_>>(xref.root_id())?.get::<Dict<'_>>(PAGES)?;
    let counted = root.get::<usize>(COUNT).unwrap_or(0);
    let mut seen: HashSet<ObjectIdentifier> = root.obj_id().into_iter().collect();
    let mut open = vec![root];
    let mut pages = 0;
    while let Some(branch) = open.pop() {
        for kid in branch.get::<Array<'_>>(KIDS)?.raw_iter() {
            let kid = match kid {
                MaybeRef::Ref(id) => {
                    let id = ObjectIdentifier::from(id);
                    if !seen.insert(id) {
                        return None;
                    }
                    xref.get::<Dict<'_>>(id)?
                }
                MaybeRef::NotRef(object) => object.into_dict()?,
            };
            match kid.get::<Name<'_>>(TYPE).as_deref() {
                Some(b"Pages") => open.push(kid),
                // A branch that the library takes for a page.
                Some(_) | None if kid.contains_key(KIDS) => return None,
                // Whatever else it calls itself is a page to the library too.
                Some(_) | None => pages += 1,
            }
        }
    }
    (counted <= pages).then_some(pages)
}
