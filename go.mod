module rekey.example/rekey

go 1.26.0
