-- A message that was ever held or dead is a letter: people name it by its number, also once they have decided about it.
ALTER TABLE outbox_messages ADD COLUMN number INTEGER CHECK (number > 0);

UPDATE outbox_messages SET number = ranked.number
    FROM (SELECT id, ROW_NUMBER() OVER (ORDER BY ended, id) AS number FROM outbox_messages WHERE state IN ('held', 'dead')) AS ranked
    WHERE ranked.id = outbox_messages.id;

CREATE UNIQUE INDEX outbox_numbers ON outbox_messages (number) WHERE number IS NOT NULL;
CREATE INDEX outbox_letters ON outbox_messages (ended, number) WHERE number IS NOT NULL AND state IN ('held', 'dead');

-- A trigger, so that no way to end a message can leave one that nobody can name.
CREATE TRIGGER outbox_number AFTER UPDATE OF state ON outbox_messages
    WHEN NEW.state IN ('held', 'dead') AND NEW.number IS NULL
BEGIN
    UPDATE outbox_messages
        SET number = 1 + (SELECT COALESCE(MAX(number), 0) FROM outbox_messages WHERE number IS NOT NULL)
        WHERE id = NEW.id;
END;

-- Whether a letter has been overtaken by an edit is asked of edits in any state.
DROP INDEX outbox_edits;
CREATE INDEX outbox_edits ON outbox_messages (replaces) WHERE replaces <> '';
