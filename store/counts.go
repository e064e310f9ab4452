package store

// Counts are how many topics there are, those that the broker makes for itself among them, and how many groups.
func (s *Store) Counts() (topics, groups int) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.topics.Len(), s.groups.Len()
}
