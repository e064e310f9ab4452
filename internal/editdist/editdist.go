// Package editdist tells how far two texts are apart, so that an error can propose the name that was meant. The settings and the
// command line call it. It is safe to call at once.
package editdist

// Between is Levenshtein's, over bytes, bounded to the first 64 of each text.
func Between(a, b string) int {
	a, b = a[:min(len(a), 64)], b[:min(len(b), 64)]
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
