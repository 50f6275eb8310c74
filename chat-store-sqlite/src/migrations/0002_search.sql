-- The words of messages that can be found: of those that are neither deleted nor of kind 'system', under their ids.
-- Which words those are the program decides, so nothing here takes texts apart but at spaces: to the tokenizer 'ascii'
-- everything but ASCII's own signs is part of a word. With its words a message has one that names its room.
-- Nothing of the texts is kept twice (content), nor where in them words stand (detail); words of one and two characters
-- are found by their beginnings as fast as whole ones (prefix).
CREATE VIRTUAL TABLE {p}search USING fts5 (
    words, content = '', contentless_delete = 1, detail = none, prefix = '1 2', tokenize = 'ascii'
);
