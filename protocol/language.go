package protocol

// Language says what a client is written in. Peers use it for display only.
type Language byte

// The languages that the protocol knows, by their number in the binary header.
const (
	LanguageJava Language = iota
	LanguageCPP
	LanguageDotnet
	LanguagePython
	LanguageDelphi
	LanguageErlang
	LanguageRuby
	LanguageOther
	LanguageHTTP
	LanguageGo
	LanguagePHP
	LanguageOMS
	LanguageRust
	LanguageNodeJS
)

const languages = 14

// String is the language's name in the JSON header.
func (l Language) String() string {
	names := [languages]string{"JAVA", "CPP", "DOTNET", "PYTHON", "DELPHI", "ERLANG", "RUBY", "OTHER", "HTTP", "GO", "PHP",
		"OMS", "RUST", "NODE_JS"}
	if int(l) < len(names) {
		return names[l]
	}
	return names[LanguageOther]
}

// LanguageOf is the language of that name. A name that we do not know is OTHER: newer clients must not be turned away.
func LanguageOf(name []byte) Language {
	if string(name) == "JAVA" { // nearly always
		return LanguageJava
	}
	for l := LanguageCPP; l < languages; l++ {
		if string(name) == l.String() {
			return l
		}
	}
	return LanguageOther
}

func languageOfNumber(n int64) Language {
	if n < 0 || n >= languages {
		return LanguageOther
	}
	return Language(n)
}
