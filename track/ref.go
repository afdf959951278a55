package track

import "holdfast/kconf"

// weightMax bounds the weight of interfaces, scripts and BFD sessions; files and
// processes may have one more.
const weightMax = 253

// Ref is one line of a track block: NAME [weight N [reverse|noreverse]].
type Ref struct {
	Name    string
	Weight  *int  // nil: the object's own weight
	Reverse *bool // nil: the object's own sense
	Pos     kconf.Pos
}

// DecodeRef reads one line of track_script, track_interface, track_file,
// track_process or track_bfd. ok is false when the line is not used; what is
// wrong has been said then. Whether the name exists, and whether it stands twice,
// is for the caller to find out.
//
// keepalived's rules: another word than weight, or weight without a number,
// drops the line. A weight out of range is replaced: 254 and -254 of a script or
// interface by 253 and -253, anything else by the object's own. A wrong word
// behind the weight is only reported, except with files and BFD sessions, where
// it drops the line.
func DecodeRef(x *kconf.Ctx, kind Kind, s *kconf.Stmt) (ref Ref, ok bool) {
	ref = Ref{Name: s.Keyword(), Pos: s.Pos()}
	what := "track_" + string(kind) + " " + ref.Name
	args := s.Args()
	if s.HasBlock {
		x.Errorf(s.Open, kconf.ClassUnexpectedBOB, "unexpected-block", "%s: takes no block", what)
		return ref, false
	}
	if len(args) == 0 {
		return ref, true
	}
	if args[0].Text != "weight" {
		x.Errorf(args[0].Pos, kconf.ClassGeneral, "unknown-option", "%s: unknown word %s, only weight may follow", what, args[0].Text)
		return ref, false
	}
	if len(args) == 1 {
		x.Errorf(args[0].Pos, kconf.ClassGeneral, "missing-argument", "%s: weight wants a number", what)
		return ref, false
	}
	ref.Weight = refWeight(x, kind, what, args[1])
	if len(args) == 2 {
		return ref, true
	}
	if len(args) > 3 {
		x.Notef(args[3].Pos, "extra-arguments", "%s: %s and what follows is ignored", what, args[3].Text)
	}
	return ref, refSense(x, kind, what, args[2], &ref)
}

// refWeight reads the number; nil stands for the object's own weight.
func refWeight(x *kconf.Ctx, kind Kind, what string, w kconf.Word) *int {
	limit := weightMax
	switch kind {
	case File, Process:
		limit++
	case Script, Interface:
		if w.Text == "254" || w.Text == "-254" {
			n := weightMax
			if w.Text[0] == '-' {
				n = -n
			}
			x.Warnf(w.Pos, kconf.ClassGeneral, "clamped", "%s: weight %s: %d is used instead", what, w.Text, n)
			return &n
		}
	}
	n, ok := kconf.ParseInt(x, w, what+": weight", int64(-limit), int64(limit))
	if !ok {
		return nil
	}
	v := int(n)
	return &v
}

// refSense reads the word behind the weight and says whether the line is used.
func refSense(x *kconf.Ctx, kind Kind, what string, w kconf.Word, ref *Ref) bool {
	reverse := w.Text == "reverse"
	if reverse || w.Text == "noreverse" && kind != Interface {
		ref.Reverse = &reverse
		return true
	}
	accepted := "reverse or noreverse"
	if kind == Interface {
		accepted = "reverse"
	}
	x.Errorf(w.Pos, kconf.ClassGeneral, "unknown-option", "%s: unknown word %s, only %s may follow the weight", what, w.Text, accepted)
	return kind != File && kind != BFD
}
