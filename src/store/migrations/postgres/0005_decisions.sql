-- What people decide about documents: answers to questions, releases after
-- review, corrections of what was filed.

-- 1 once people decided about pages or documents of the batch: then it is not
-- separated again.
ALTER TABLE batch ADD COLUMN decided BIGINT NOT NULL DEFAULT 0 CHECK (decided IN (0, 1));

-- Which version this is; each correction of a filed document makes the next.
ALTER TABLE document ADD COLUMN version BIGINT NOT NULL DEFAULT 1 CHECK (version > 0);
-- 1 while somebody has still to look at it.
ALTER TABLE document ADD COLUMN review_due BIGINT NOT NULL DEFAULT 0
    CHECK (review_due IN (0, 1) AND (review_due = 0 OR filed_at IS NULL));
-- JSON of `records::batch::Decision`: who let it go, and when.
ALTER TABLE document ADD COLUMN released TEXT CHECK (released IS NULL OR review_due = 0);
-- JSON of `records::batch::Decision`: this version says that the one before it
-- is not to stand any more. No page stands in it.
ALTER TABLE document ADD COLUMN withdrawn TEXT CHECK (withdrawn IS NULL OR version > 1);

-- Versions that another took the place of: they stay in the repository.
CREATE TABLE replaced_document (
    batch_id      TEXT   NOT NULL,
    first_page    BIGINT NOT NULL,
    version       BIGINT NOT NULL CHECK (version > 0),
    document_type TEXT   NOT NULL,
    -- JSON: page numbers, and `records::document::IndexField`s.
    pages         TEXT   NOT NULL,
    fields        TEXT   NOT NULL,
    released      TEXT,
    withdrawn     TEXT,
    pdf_path      TEXT   NOT NULL,
    pdf_sha256    TEXT   NOT NULL CHECK (length(pdf_sha256) = 64),
    index_path    TEXT   NOT NULL,
    index_sha256  TEXT   NOT NULL CHECK (length(index_sha256) = 64),
    filed_at      TEXT   NOT NULL,
    -- JSON of `records::batch::Decision`: who replaced it, and why.
    replaced      TEXT   NOT NULL,
    PRIMARY KEY (batch_id, first_page, version),
    FOREIGN KEY (batch_id, first_page) REFERENCES page (batch_id, page_no)
);

-- JSON of `records::batch::Decision`: who answered it last, and why.
ALTER TABLE question ADD COLUMN answered TEXT;
CREATE INDEX question_open ON question (batch_id) WHERE answered IS NULL;

-- Documents held for review were questions before, and lost their index.
UPDATE question SET reason = '{"kind":"sent-back"}' WHERE reason = '{"kind":"review-due"}';

CREATE TRIGGER replaced_document_is_not_changed BEFORE UPDATE ON replaced_document
FOR EACH ROW EXECUTE FUNCTION refuse('a version that was replaced is never changed');

CREATE TRIGGER replaced_document_is_not_deleted BEFORE DELETE ON replaced_document
FOR EACH ROW EXECUTE FUNCTION refuse('a version that was replaced is never deleted');

-- What is in the repository is replaced only once its version is kept.
CREATE FUNCTION filed_version_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.filed_at IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM replaced_document AS kept WHERE kept.batch_id = OLD.batch_id
        AND kept.first_page = OLD.first_page AND kept.version = OLD.version
        AND NEW.version = OLD.version + 1
    ) THEN
        RAISE EXCEPTION 'a filed document is only replaced by its next version'
            USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.filed_at IS NOT NULL AND OLD.review_due = 1 THEN
        RAISE EXCEPTION 'somebody has still to look at the document'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END;
$$;

CREATE TRIGGER filed_version_is_kept
BEFORE UPDATE OF version, document_type, withdrawn, pdf_path, pdf_sha256, index_path, index_sha256,
    filed_at ON document
FOR EACH ROW EXECUTE FUNCTION filed_version_is_kept();

-- A filed batch is taken up again by a correction, and by nothing else.
DROP TRIGGER ended_batch_stays ON batch;
CREATE FUNCTION ended_batch_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state IN ('filed', 'discarded') AND NEW.state <> OLD.state
    AND NOT (OLD.state = 'filed' AND NEW.state = 'filing' AND EXISTS (
        SELECT 1 FROM document WHERE batch_id = NEW.id AND version > 1 AND filed_at IS NULL))
    THEN
        RAISE EXCEPTION 'the batch has come to its end' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END;
$$;
CREATE TRIGGER ended_batch_stays BEFORE UPDATE OF state ON batch
FOR EACH ROW EXECUTE FUNCTION ended_batch_stays();

-- What a clerk answered is not asked again.
CREATE TRIGGER answered_question_stays BEFORE DELETE ON question
FOR EACH ROW WHEN (OLD.answered IS NOT NULL)
EXECUTE FUNCTION refuse('an answered question stays');

CREATE OR REPLACE FUNCTION batch_balances() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state IN ('in-question', 'awaiting-review', 'filing', 'filed', 'held') AND EXISTS (
        SELECT 1 FROM page LEFT JOIN placement USING (batch_id, page_no)
        WHERE page.batch_id = NEW.id AND placement.place IS NULL
    ) THEN
        RAISE EXCEPTION 'a page of the batch stands nowhere' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.state = 'filed' AND (
        EXISTS (SELECT 1 FROM question WHERE batch_id = NEW.id AND answered IS NULL)
        OR EXISTS (SELECT 1 FROM placement WHERE batch_id = NEW.id AND place = 'question')
        OR EXISTS (SELECT 1 FROM document WHERE batch_id = NEW.id AND filed_at IS NULL)
        OR EXISTS (SELECT 1 FROM work WHERE batch_id = NEW.id AND step <> 'end')
    ) THEN
        RAISE EXCEPTION 'something of the batch is not filed' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END;
$$;
