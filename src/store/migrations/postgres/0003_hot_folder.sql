-- Files that hot folders brought: written in one transaction with the batch that
-- is opened for them, so that after a stop no file is taken twice.
CREATE TABLE hot_file (
    batch_id TEXT   NOT NULL REFERENCES batch (id),
    -- In feeding order, counted from 1.
    position BIGINT NOT NULL CHECK (position > 0),
    -- The hot folder, from the root, as station.toml spells it.
    folder   TEXT   NOT NULL,
    -- The file's name there; bytes that are not plain ASCII percent-encoded.
    name     TEXT   NOT NULL,
    bytes    BIGINT NOT NULL CHECK (bytes >= 0),
    sha256   TEXT   NOT NULL CHECK (length(sha256) = 64),
    -- taking: its batch is being fed. taken: its pages are durable and the batch
    -- closed, the original is to be removed. done: nothing is to be done.
    standing TEXT   NOT NULL CHECK (standing IN ('taking', 'taken', 'done')),
    PRIMARY KEY (batch_id, position)
);

CREATE INDEX hot_file_under_way ON hot_file (folder) WHERE standing <> 'done';

-- The original is removed for this: then its batch takes no more paper.
CREATE FUNCTION hot_file_taken_when_closed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.standing = 'taken' AND EXISTS (
        SELECT 1 FROM batch WHERE id = NEW.batch_id AND state IN ('open', 'scanning', 'paused')
    ) THEN
        RAISE EXCEPTION 'the batch still takes pages' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END;
$$;

CREATE TRIGGER hot_file_taken_when_closed BEFORE UPDATE OF standing ON hot_file
FOR EACH ROW EXECUTE FUNCTION hot_file_taken_when_closed();
