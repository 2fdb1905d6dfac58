package store

// Pragma runs a statement on the connection that writes.
func (s *SQLite) Pragma(text string) error {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	var ignored any
	_, err := s.w.row(text, nil, &ignored)
	return err
}

// Rows counts the rows of a table that nothing hides.
func (s *SQLite) Rows(table string) (n int, err error) {
	return n, s.reads.QueryRow(`SELECT count(*) FROM ` + table).Scan(&n)
}

// Text reads one text.
func (s *SQLite) Text(query string) (text string, err error) {
	return text, s.reads.QueryRow(query).Scan(&text)
}
