package checkers

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"hash"
)

// maxIterations bounds what a key file can make us compute: openssl writes 2048,
// or some hundred thousand.
const maxIterations = 10_000_000

// errPassword is what a wrong passphrase shows as: padding that makes no sense.
var errPassword = errors.New("it is encrypted, and the password of block SSL does not open it")

// decryptKey replaces an encrypted private key in PEM form by one that is not; any
// other text is returned as it is. Both forms that openssl has are known: the
// traditional one (RFC 1421, DEK-Info) and PKCS #8 with PBES2 (RFC 8018).
func decryptKey(text []byte, password string) ([]byte, error) {
	for rest := text; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return text, nil
		}
		traditional := block.Headers["DEK-Info"] != ""
		if !traditional && block.Type != "ENCRYPTED PRIVATE KEY" {
			continue
		}
		if password == "" {
			return nil, errors.New("it is encrypted; give its passphrase as password in block SSL")
		}
		if traditional {
			//lint:ignore SA1019 weak, but it is what openssl rsa -aes256 writes
			der, err := x509.DecryptPEMBlock(block, []byte(password))
			if errors.Is(err, x509.IncorrectPasswordError) {
				return nil, errPassword
			} else if err != nil {
				return nil, err
			}
			return pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: der}), nil
		}
		der, err := decryptPKCS8(block.Bytes, password)
		if err != nil {
			return nil, err
		}
		return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
	}
}

// Structures of RFC 5958 section 3 and RFC 8018 appendix A.
type (
	encryptedKey struct {
		Algorithm pkix.AlgorithmIdentifier
		Data      []byte
	}
	pbes2 struct{ Derivation, Scheme pkix.AlgorithmIdentifier }
	kdf2  struct {
		Salt       []byte
		Iterations int
		KeyLength  int                      `asn1:"optional"`
		PRF        pkix.AlgorithmIdentifier `asn1:"optional"`
	}
)

// prfs are the hashes under HMAC in PBKDF2; schemes the ciphers, all in CBC mode.
var (
	prfs = map[string]func() hash.Hash{
		"":                    sha1.New, // the default
		"1.2.840.113549.2.7":  sha1.New,
		"1.2.840.113549.2.9":  sha256.New,
		"1.2.840.113549.2.10": sha512.New384,
		"1.2.840.113549.2.11": sha512.New,
		"1.2.840.113549.2.8":  sha256.New224,
	}
	schemes = map[string]struct {
		keyLength int
		block     func([]byte) (cipher.Block, error)
	}{
		"2.16.840.1.101.3.4.1.2":  {16, aes.NewCipher},
		"2.16.840.1.101.3.4.1.22": {24, aes.NewCipher},
		"2.16.840.1.101.3.4.1.42": {32, aes.NewCipher},
		"1.2.840.113549.3.7":      {24, des.NewTripleDESCipher},
	}
	oidPBES2, oidPBKDF2 = "1.2.840.113549.1.5.13", "1.2.840.113549.1.5.12"
)

// decryptPKCS8 is PBES2 (RFC 8018 section 6.2.2) with PBKDF2.
func decryptPKCS8(der []byte, password string) ([]byte, error) {
	var key encryptedKey
	var params pbes2
	var derive kdf2
	var iv []byte
	for _, part := range []struct {
		into any
		from func() []byte
	}{
		{&key, func() []byte { return der }},
		{&params, func() []byte { return key.Algorithm.Parameters.FullBytes }},
		{&derive, func() []byte { return params.Derivation.Parameters.FullBytes }},
		{&iv, func() []byte { return params.Scheme.Parameters.FullBytes }},
	} {
		if _, err := asn1.Unmarshal(part.from(), part.into); err != nil {
			return nil, fmt.Errorf("read encrypted key: %w (PKCS #8 with PBES2 and PBKDF2 is known, as openssl pkcs8 -v2 aes256 writes it)", err)
		}
	}
	prf, scheme := prfs[oid(derive.PRF.Algorithm)], schemes[oid(params.Scheme.Algorithm)]
	switch {
	case oid(key.Algorithm.Algorithm) != oidPBES2, oid(params.Derivation.Algorithm) != oidPBKDF2, prf == nil, scheme.block == nil:
		return nil, errors.New("it is encrypted in a way that is not known; PKCS #8 with PBES2, PBKDF2 and AES or 3DES is, as openssl pkcs8 -v2 aes256 writes it")
	case derive.Iterations < 1 || derive.Iterations > maxIterations:
		return nil, fmt.Errorf("its encryption has %d iterations, 1 to %d are accepted", derive.Iterations, maxIterations)
	}
	secret, err := pbkdf2.Key(prf, password, derive.Salt, derive.Iterations, scheme.keyLength)
	if err != nil {
		return nil, fmt.Errorf("derive key from password: %w", err)
	}
	block, err := scheme.block(secret)
	if err != nil {
		return nil, err
	}
	if len(iv) != block.BlockSize() || len(key.Data) == 0 || len(key.Data)%block.BlockSize() != 0 {
		return nil, errors.New("the encrypted key is cut off")
	}
	plain := make([]byte, len(key.Data))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(plain, key.Data)
	return unpad(plain, block.BlockSize())
}

// oid prints an object identifier, "" for none.
func oid(o asn1.ObjectIdentifier) string { return o.String() }

// unpad takes the padding of RFC 8018 section 6.1.1 away.
func unpad(b []byte, size int) ([]byte, error) {
	n := int(b[len(b)-1])
	if n == 0 || n > size || n > len(b) {
		return nil, errPassword
	}
	for _, p := range b[len(b)-n:] {
		if int(p) != n {
			return nil, errPassword
		}
	}
	return b[:len(b)-n], nil
}
