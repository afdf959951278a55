package kconf

// Nearest returns the known word that the writer probably meant: the one with
// the smallest edit distance (insertion, deletion, substitution, and swap of
// two neighbours count one each), but only if no more than a third of the
// letters differ. "" when nothing is near. Of equally near words the first wins.
func Nearest(word string, known []string) string {
	best, limit := "", len(word)/3
	if len(word) > 64 { // no keyword is that long, and the search is quadratic
		return ""
	}
	if limit == 0 {
		limit = 1
	}
	least := limit + 1
	for _, k := range known {
		if abs(len(k)-len(word)) >= least || k == "" {
			continue
		}
		if d := distance(word, k); d < least && d < len(k) {
			best, least = k, d
		}
	}
	return best
}

// distance is the restricted Damerau-Levenshtein distance of a and b, in bytes.
func distance(a, b string) int {
	before := make([]int, len(b)+1) // row i-2
	above := make([]int, len(b)+1)  // row i-1
	row := make([]int, len(b)+1)
	for j := range above {
		above[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, above, row = above, row, before
	}
	return above[len(b)]
}

func abs(n int) int { return max(n, -n) }
