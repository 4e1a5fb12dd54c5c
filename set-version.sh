#!/bin/sh
# Sets the version everywhere it stands: ./set-version.sh 0.2.0
set -eu
cd "$(dirname "$0")"
new="$1"
old=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
echo "$new" | grep -Eq '^[0-9]+\.[0-9]+\.[0-9]+$' || { echo "no version: $new" >&2; exit 2; }
dots=$(echo "$old" | sed 's/\./\\./g')
sed -i "s/^version = \"$dots\"$/version = \"$new\"/" Cargo.toml sandbox/Cargo.toml
sed -i "/^name = \"\(source-awin\|awin-sandbox\)\"$/{n;s/\"$dots\"/\"$new\"/;}" Cargo.lock
sed -i "s/dockerImageTag: $dots$/dockerImageTag: $new/; s/^  releaseDate: .*/  releaseDate: $(date +%F)/" metadata.yaml
sed -i "s/\(image\|airbyte\)\.version=\"$dots\"/\1.version=\"$new\"/" Dockerfile
sed -i "s/\(source-awin\|awin-sync\):$dots/\1:$new/g; s/tag \`$dots\`/tag \`$new\`/" docs/runners.md docs/schedule.md examples/compose.yml docs/build-multi-arch.sh
sed -i "s/^## \[Unreleased\]$/## [Unreleased]\n\n## [$new] - $(date +%F)/" CHANGELOG.md
sed -i "s|^\[Unreleased\]: \(.*\)/compare/v$dots\.\.\.HEAD|[Unreleased]: \1/compare/v$new...HEAD\n[$new]: \1/releases/tag/v$new|" CHANGELOG.md
