package user

// Any tells whether one of the users is as is says.
func (t *Table) Any(is func(u *User) bool) bool {
	for _, u := range t.users {
		if is(u) {
			return true
		}
	}
	return false
}
