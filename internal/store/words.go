package store

const (
	wordFind = `SELECT id FROM words WHERE word = ?`
	wordAdd  = `INSERT INTO words (word) VALUES (?)`
)

// wordID returns the number kept for the text, or nil for empty text.
func (w *writer) wordID(text string) (any, error) {
	if text == "" {
		return nil, nil
	}
	if id, ok := w.word[text]; ok {
		return id, nil
	}
	if id, ok := w.news[text]; ok {
		return id, nil
	}
	var id int64
	found, err := w.row(wordFind, []any{text}, &id)
	if err == nil && !found {
		if _, err = w.exec(wordAdd, text); err == nil {
			_, err = w.row(wordFind, []any{text}, &id)
		}
	}
	if err != nil {
		return nil, err
	}
	w.news[text] = id
	return id, nil
}
