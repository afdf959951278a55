package corpus

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
)

// rangeCases turns rows of the table of ranges into cases:
//
//	SHAPE, SHAPE... | KEYWORD % | LO..HI | STATUSES | differs: STATUSES REASON
//
// Each row stands for the values LO, HI, one step below and one step above. The
// step is one in the last place of the bound: 1, or 0.000001. STATUSES are
// keepalived's for these four; absent, 0 0 5 5. "-" skips a value, and without
// HI there are only LO and what lies below. Where holdfast differs, its four
// follow, and why.
func rangeCases(table []row, shapes map[string]string) ([]Case, error) {
	var all []Case
	for _, r := range table {
		names, rest, _ := strings.Cut(r.text, "|")
		for name := range strings.SplitSeq(names, ",") {
			cases, err := rangeRow(row{r.from, name + "|" + rest}, shapes)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", r.from, err)
			}
			all = append(all, cases...)
		}
	}
	return all, nil
}

func rangeRow(r row, shapes map[string]string) ([]Case, error) {
	columns := strings.Split(r.text, "|")
	if len(columns) < 3 {
		return nil, fmt.Errorf("want SHAPE | LINE | LO..HI, have %q", r.text)
	}
	for i := range columns {
		columns[i] = strings.TrimSpace(columns[i])
	}
	shape, line := columns[0], columns[1]
	lo, hi, ok := strings.Cut(columns[2], "..")
	if !ok || !strings.Contains(line, "%") {
		return nil, fmt.Errorf("want a line with %% and LO..HI, have %q and %q", line, columns[2])
	}
	below, err := beside(lo, -1)
	if err != nil {
		return nil, err
	}
	above := ""
	if hi != "" {
		if above, err = beside(hi, +1); err != nil {
			return nil, err
		}
	}
	statuses, differs, reason, err := outcomes(columns[3:])
	if err != nil {
		return nil, err
	}
	var cases []Case
	for i, value := range []string{lo, hi, below, above} {
		if statuses[i] == "-" || value == "" {
			continue
		}
		c := Case{Name: shape + ": " + strings.ReplaceAll(line, "%", value), From: r.from, Rules: []string{"range"}}
		if err := number(statuses[i], &c.Status); err != nil {
			return nil, err
		}
		if err := number(differs[i], &c.Other); err != nil {
			return nil, err
		}
		if c.Differs = c.Other != c.Status; c.Differs {
			c.Reason = reason
		}
		c.Lines = strings.Split(strings.ReplaceAll(line, "%", value), " ; ")
		if c.Text, err = fill(shapes, shape, c.Lines); err != nil {
			return nil, err
		}
		if c.Status == 0 && c.Want() == 0 {
			c.Batch, c.shape, c.shapes = fmt.Sprint(shape, " ", i), shape, shapes
		}
		cases = append(cases, c)
	}
	return cases, nil
}

// Together is one case that holds the lines of all cases of a batch.
func Together(batch []Case) Case {
	c := batch[0]
	var lines []string
	for _, one := range batch {
		lines = append(lines, one.Lines...)
	}
	c.Text, _ = fill(c.shapes, c.shape, lines) // the shape is known: each case has been filled
	return c
}

// outcomes reads the columns behind the range.
func outcomes(columns []string) (statuses, differs []string, reason string, err error) {
	statuses = []string{"0", "0", "5", "5"}
	for _, column := range columns {
		rest, isDiffers := strings.CutPrefix(column, "differs: ")
		words := strings.Fields(rest)
		if len(words) < 4 {
			return nil, nil, "", fmt.Errorf("want four statuses, have %q", column)
		}
		if isDiffers {
			differs, reason = words[:4], strings.Join(words[4:], " ")
		} else {
			statuses = words[:4]
		}
	}
	if differs == nil {
		differs = statuses
	}
	return statuses, differs, reason, nil
}

// beside is the number one step away, the step being one in its last place.
func beside(number string, steps int64) (string, error) {
	whole, fraction, _ := strings.Cut(number, ".")
	n, ok := new(big.Int).SetString(whole+fraction, 10)
	if !ok {
		return "", fmt.Errorf("%s is no number", strconv.Quote(number))
	}
	n.Add(n, big.NewInt(steps))
	digits := fmt.Sprintf("%0*s", len(fraction)+1, new(big.Int).Abs(n).String())
	sign := ""
	if n.Sign() < 0 {
		sign = "-"
	}
	if fraction == "" {
		return sign + digits, nil
	}
	at := len(digits) - len(fraction)
	return sign + digits[:at] + "." + digits[at:], nil
}
